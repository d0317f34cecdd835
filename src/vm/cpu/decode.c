/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <stdbool.h>
#include <stddef.h>

enum format {
	FORMAT_NONE,
	FORMAT_R,
	FORMAT_A,
	FORMAT_I,
	FORMAT_IF,
	FORMAT_SHIFT,
	FORMAT_S,
	FORMAT_B,
	FORMAT_U,
	FORMAT_J,
	FORMAT_CSR,
	FORMAT_FLOAT,   /* writes f, rounds */
	FORMAT_FLOAT0,  /* writes f */
	FORMAT_FLOATX,  /* writes x */
	FORMAT_FLOATXR, /* writes x, rounds */
	FORMAT_FUSED,
};

struct row {
	uint32_t match;
	uint32_t mask;
	uint8_t name;
	uint8_t format;
};

_Static_assert(VM_INSTRUCTIONS <= UINT8_MAX, "names fit a byte");

#define ROW(name, match, mask, format, handler) {match, mask, VM_##name, FORMAT_##format},
#define ROWS(number, table) static const struct row rows_##table[] = {VM_##table##_TABLE(ROW)};
VM_OPCODE_TABLES(ROWS)
ROWS(0x10, FUSED)
#undef ROWS
#undef ROW

static const struct {
	const struct row *rows;
	size_t count;
} opcodes[32] = {
#define OPCODE(number, table) [number] = {rows_##table, sizeof(rows_##table) / sizeof(struct row)},
	VM_OPCODE_TABLES(OPCODE)
	OPCODE(0x10, FUSED) OPCODE(0x11, FUSED) OPCODE(0x12, FUSED) OPCODE(0x13, FUSED)
#undef OPCODE
};

/* Bits [from, from + count) of an instruction, moved to bit `to`. */
static uint32_t field(uint32_t bits, unsigned from, unsigned count, unsigned to)
{
	return (bits >> from & ((1u << count) - 1)) << to;
}

static int32_t sign(uint32_t bits, unsigned width)
{
	return (int32_t)(bits << (32 - width)) >> (32 - width);
}

static int32_t immediate(uint32_t bits, enum format format)
{
	switch (format) {
	case FORMAT_I:
	case FORMAT_IF:
		return (int32_t)bits >> 20;
	case FORMAT_SHIFT:
		return (int32_t)field(bits, 20, 6, 0);
	case FORMAT_S:
		return sign(field(bits, 25, 7, 5) | field(bits, 7, 5, 0), 12);
	case FORMAT_B:
		return sign(field(bits, 31, 1, 12) | field(bits, 7, 1, 11) |
				    field(bits, 25, 6, 5) | field(bits, 8, 4, 1), 13);
	case FORMAT_U:
		return (int32_t)(bits & 0xfffff000);
	case FORMAT_J:
		return sign(field(bits, 31, 1, 20) | field(bits, 12, 8, 12) |
				    field(bits, 20, 1, 11) | field(bits, 21, 10, 1), 21);
	case FORMAT_CSR:
		return (int32_t)field(bits, 20, 12, 0);
	default:
		return 0;
	}
}

/* Modes 5 and 6 are reserved; 7 asks frm. */
static bool rounds_badly(enum format format, unsigned rm)
{
	bool rounds = format == FORMAT_FLOAT || format == FORMAT_FLOATXR ||
		      format == FORMAT_FUSED;

	return rounds && (rm == 5 || rm == 6);
}

struct vm_decoded vm_decode(uint32_t bits)
{
	struct vm_decoded decoded = {.name = VM_ILLEGAL, .length = (uint8_t)vm_length(bits)};

	if (decoded.length == 2)
		bits = vm_expand((uint16_t)bits);
	if ((bits & 3) != 3)
		return decoded;
	for (size_t at = 0; at < opcodes[bits >> 2 & 31].count; at++) {
		const struct row *row = &opcodes[bits >> 2 & 31].rows[at];

		if ((bits & row->mask) != row->match)
			continue;
		decoded.rm = (uint8_t)field(bits, 12, 3, 0);
		if (rounds_badly(row->format, decoded.rm))
			return decoded;
		decoded.name = row->name;
		decoded.rd = (uint8_t)field(bits, 7, 5, 0);
		decoded.rs1 = (uint8_t)field(bits, 15, 5, 0);
		decoded.rs2 = (uint8_t)field(bits, 20, 5, 0);
		decoded.rs3 = (uint8_t)field(bits, 27, 5, 0);
		decoded.immediate = immediate(bits, row->format);
		return decoded;
	}
	return decoded;
}
