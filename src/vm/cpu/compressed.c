/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compressed.c - chapter 16 of the unprivileged specification: each instruction of 16 bits as the
 * one of 32 that it stands for. Hints expand to what has no effect; reserved ones to 0, which is
 * illegal.
 */
#include "decode.h"

enum { OP_LOAD = 0x03, OP_LOAD_FLOAT = 0x07, OP_IMMEDIATE = 0x13, OP_IMMEDIATE32 = 0x1b,
       OP_STORE = 0x23, OP_STORE_FLOAT = 0x27, OP_REGISTER = 0x33, OP_LUI = 0x37,
       OP_REGISTER32 = 0x3b, OP_BRANCH = 0x63, OP_JALR = 0x67, OP_JAL = 0x6f };

enum { EBREAK = 0x00100073, SP = 2, RA = 1 };

static uint32_t field(uint32_t bits, unsigned from, unsigned count, unsigned to)
{
	return (bits >> from & ((1u << count) - 1)) << to;
}

/* The sign bit at `top` of a number is copied upwards. */
static uint32_t sign(uint32_t number, unsigned top)
{
	return number | (0u - (number >> top & 1)) << top;
}

/* Registers x8 to x15 in three bits. */
static uint32_t low(uint32_t bits)
{
	return 8 + field(bits, 2, 3, 0);
}

static uint32_t high(uint32_t bits)
{
	return 8 + field(bits, 7, 3, 0);
}

static uint32_t rd(uint32_t bits)
{
	return field(bits, 7, 5, 0);
}

static uint32_t rs2(uint32_t bits)
{
	return field(bits, 2, 5, 0);
}

static uint32_t make_i(uint32_t op, uint32_t funct3, uint32_t to, uint32_t from, uint32_t number)
{
	return number << 20 | from << 15 | funct3 << 12 | to << 7 | op;
}

static uint32_t make_r(uint32_t op, uint32_t functs, uint32_t to, uint32_t one, uint32_t two)
{
	return (functs >> 3) << 25 | two << 20 | one << 15 | (functs & 7) << 12 | to << 7 | op;
}

static uint32_t make_s(uint32_t op, uint32_t funct3, uint32_t base, uint32_t from, uint32_t number)
{
	return field(number, 5, 7, 25) | from << 20 | base << 15 | funct3 << 12 |
	       field(number, 0, 5, 7) | op;
}

/* ---- Immediates, by who uses them ------------------------------------------------------------ */

static uint32_t word_offset(uint32_t bits)
{
	return field(bits, 10, 3, 3) | field(bits, 6, 1, 2) | field(bits, 5, 1, 6);
}

static uint32_t double_offset(uint32_t bits)
{
	return field(bits, 10, 3, 3) | field(bits, 5, 2, 6);
}

static uint32_t six_bits(uint32_t bits)
{
	return field(bits, 12, 1, 5) | field(bits, 2, 5, 0);
}

static uint32_t double_from_stack(uint32_t bits)
{
	return field(bits, 12, 1, 5) | field(bits, 5, 2, 3) | field(bits, 2, 3, 6);
}

static uint32_t double_to_stack(uint32_t bits)
{
	return field(bits, 10, 3, 3) | field(bits, 7, 3, 6);
}

/* ---- Quadrant 0 ------------------------------------------------------------------------------ */

static uint32_t addi4spn(uint32_t bits)
{
	uint32_t number = field(bits, 11, 2, 4) | field(bits, 7, 4, 6) | field(bits, 6, 1, 2) |
			  field(bits, 5, 1, 3);

	return number ? make_i(OP_IMMEDIATE, 0, low(bits), SP, number) : 0;
}

static uint32_t fld(uint32_t bits)
{
	return make_i(OP_LOAD_FLOAT, 3, low(bits), high(bits), double_offset(bits));
}

static uint32_t lw(uint32_t bits)
{
	return make_i(OP_LOAD, 2, low(bits), high(bits), word_offset(bits));
}

static uint32_t ld(uint32_t bits)
{
	return make_i(OP_LOAD, 3, low(bits), high(bits), double_offset(bits));
}

static uint32_t fsd(uint32_t bits)
{
	return make_s(OP_STORE_FLOAT, 3, high(bits), low(bits), double_offset(bits));
}

static uint32_t sw(uint32_t bits)
{
	return make_s(OP_STORE, 2, high(bits), low(bits), word_offset(bits));
}

static uint32_t sd(uint32_t bits)
{
	return make_s(OP_STORE, 3, high(bits), low(bits), double_offset(bits));
}

/* ---- Quadrant 1 ------------------------------------------------------------------------------ */

static uint32_t addi(uint32_t bits)
{
	return make_i(OP_IMMEDIATE, 0, rd(bits), rd(bits), sign(six_bits(bits), 5));
}

static uint32_t addiw(uint32_t bits)
{
	if (rd(bits) == 0)
		return 0;
	return make_i(OP_IMMEDIATE32, 0, rd(bits), rd(bits), sign(six_bits(bits), 5));
}

static uint32_t li(uint32_t bits)
{
	return make_i(OP_IMMEDIATE, 0, rd(bits), 0, sign(six_bits(bits), 5));
}

static uint32_t lui_or_addi16sp(uint32_t bits)
{
	uint32_t number;

	if (six_bits(bits) == 0)
		return 0;
	if (rd(bits) != SP)
		return sign(six_bits(bits), 5) << 12 | rd(bits) << 7 | OP_LUI;
	number = field(bits, 12, 1, 9) | field(bits, 6, 1, 4) | field(bits, 5, 1, 6) |
		 field(bits, 3, 2, 7) | field(bits, 2, 1, 5);
	return make_i(OP_IMMEDIATE, 0, SP, SP, sign(number, 9));
}

static uint32_t arithmetic(uint32_t bits)
{
	/* funct7 and funct3 of sub, xor, or, and; of subw, addw. */
	static const uint16_t functs[8] = {0x20 << 3, 4, 6, 7, 0x20 << 3, 0, 0xffff, 0xffff};
	unsigned which = field(bits, 12, 1, 2) | field(bits, 5, 2, 0);

	switch (field(bits, 10, 2, 0)) {
	case 0:
		return make_i(OP_IMMEDIATE, 5, high(bits), high(bits), six_bits(bits));
	case 1:
		return make_i(OP_IMMEDIATE, 5, high(bits), high(bits), six_bits(bits) | 0x400);
	case 2:
		return make_i(OP_IMMEDIATE, 7, high(bits), high(bits), sign(six_bits(bits), 5));
	}
	if (functs[which] == 0xffff)
		return 0;
	return make_r(which < 4 ? OP_REGISTER : OP_REGISTER32, functs[which], high(bits),
		      high(bits), low(bits));
}

static uint32_t jump(uint32_t bits)
{
	uint32_t to = sign(field(bits, 12, 1, 11) | field(bits, 11, 1, 4) | field(bits, 9, 2, 8) |
				   field(bits, 8, 1, 10) | field(bits, 7, 1, 6) |
				   field(bits, 6, 1, 7) | field(bits, 3, 3, 1) |
				   field(bits, 2, 1, 5), 11);

	return field(to, 20, 1, 31) | field(to, 1, 10, 21) | field(to, 11, 1, 20) |
	       field(to, 12, 8, 12) | OP_JAL;
}

static uint32_t branch(uint32_t bits, uint32_t funct3)
{
	uint32_t to = sign(field(bits, 12, 1, 8) | field(bits, 10, 2, 3) | field(bits, 5, 2, 6) |
				   field(bits, 3, 2, 1) | field(bits, 2, 1, 5), 8);

	return field(to, 12, 1, 31) | field(to, 5, 6, 25) | high(bits) << 15 | funct3 << 12 |
	       field(to, 1, 4, 8) | field(to, 11, 1, 7) | OP_BRANCH;
}

static uint32_t beqz(uint32_t bits)
{
	return branch(bits, 0);
}

static uint32_t bnez(uint32_t bits)
{
	return branch(bits, 1);
}

/* ---- Quadrant 2 ------------------------------------------------------------------------------ */

static uint32_t slli(uint32_t bits)
{
	return make_i(OP_IMMEDIATE, 1, rd(bits), rd(bits), six_bits(bits));
}

static uint32_t fldsp(uint32_t bits)
{
	return make_i(OP_LOAD_FLOAT, 3, rd(bits), SP, double_from_stack(bits));
}

static uint32_t lwsp(uint32_t bits)
{
	uint32_t number = field(bits, 12, 1, 5) | field(bits, 4, 3, 2) | field(bits, 2, 2, 6);

	return rd(bits) ? make_i(OP_LOAD, 2, rd(bits), SP, number) : 0;
}

static uint32_t ldsp(uint32_t bits)
{
	return rd(bits) ? make_i(OP_LOAD, 3, rd(bits), SP, double_from_stack(bits)) : 0;
}

static uint32_t move_or_jump(uint32_t bits)
{
	if (!field(bits, 12, 1, 0)) {
		if (rs2(bits))
			return make_r(OP_REGISTER, 0, rd(bits), 0, rs2(bits));
		return rd(bits) ? make_i(OP_JALR, 0, 0, rd(bits), 0) : 0;
	}
	if (rs2(bits))
		return make_r(OP_REGISTER, 0, rd(bits), rd(bits), rs2(bits));
	return rd(bits) ? make_i(OP_JALR, 0, RA, rd(bits), 0) : EBREAK;
}

static uint32_t fsdsp(uint32_t bits)
{
	return make_s(OP_STORE_FLOAT, 3, SP, rs2(bits), double_to_stack(bits));
}

static uint32_t swsp(uint32_t bits)
{
	return make_s(OP_STORE, 2, SP, rs2(bits), field(bits, 9, 4, 2) | field(bits, 7, 2, 6));
}

static uint32_t sdsp(uint32_t bits)
{
	return make_s(OP_STORE, 3, SP, rs2(bits), double_to_stack(bits));
}

static uint32_t reserved(uint32_t bits)
{
	(void)bits;
	return 0;
}

uint32_t vm_expand(uint16_t bits)
{
	static uint32_t (*const by_quadrant[3][8])(uint32_t) = {
		{addi4spn, fld, lw, ld, reserved, fsd, sw, sd},
		{addi, addiw, li, lui_or_addi16sp, arithmetic, jump, beqz, bnez},
		{slli, fldsp, lwsp, ldsp, move_or_jump, fsdsp, swsp, sdsp},
	};

	return (bits & 3) == 3 ? 0 : by_quadrant[bits & 3][bits >> 13](bits);
}
