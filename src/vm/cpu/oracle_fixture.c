/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_fixture.c - fetch, decode, carry out.
 */
#include "oracle_fixture.h"

#include "base/little_endian.h"

#include <stdio.h>

typedef __int128 wide;

static uint64_t field(uint32_t bits, unsigned high, unsigned low)
{
	return bits >> low & ((1u << (high - low + 1)) - 1);
}

static uint64_t sign(uint64_t number, unsigned width)
{
	return (uint64_t)((int64_t)(number << (64 - width)) >> (64 - width));
}

static uint64_t word(uint64_t number)
{
	return sign(number, 32);
}

bool oracle_trap(struct oracle *oracle, uint64_t cause, uint64_t value)
{
	oracle->trapped = true;
	oracle->cause = cause;
	oracle->value = value;
	return false;
}

bool oracle_illegal(struct oracle *oracle)
{
	return oracle_trap(oracle, 2, oracle->bits);
}

static void put(struct oracle *oracle, unsigned rd, uint64_t value)
{
	if (rd)
		oracle->x[rd] = value;
}

/* ---- Whole numbers --------------------------------------------------------------------------- */

static uint64_t plain(unsigned funct3, bool other, uint64_t a, uint64_t b)
{
	switch (funct3) {
	case 0:
		return other ? a - b : a + b;
	case 1:
		return a << (b & 63);
	case 2:
		return (int64_t)a < (int64_t)b;
	case 3:
		return a < b;
	case 4:
		return a ^ b;
	case 5:
		return other ? (uint64_t)((int64_t)a >> (b & 63)) : a >> (b & 63);
	case 6:
		return a | b;
	default:
		return a & b;
	}
}

static uint64_t multiply(unsigned funct3, uint64_t a, uint64_t b)
{
	switch (funct3) {
	case 0:
		return a * b;
	case 1:
		return (uint64_t)((wide)(int64_t)a * (int64_t)b >> 64);
	case 2:
		return (uint64_t)((wide)(int64_t)a * b >> 64);
	case 3:
		return (uint64_t)((unsigned __int128)a * b >> 64);
	case 4:
		return b ? (uint64_t)((wide)(int64_t)a / (int64_t)b) : UINT64_MAX;
	case 5:
		return b ? a / b : UINT64_MAX;
	case 6:
		return b ? (uint64_t)((wide)(int64_t)a % (int64_t)b) : a;
	default:
		return b ? a % b : a;
	}
}

static bool registers(struct oracle *oracle, uint32_t bits)
{
	unsigned funct3 = field(bits, 14, 12), funct7 = field(bits, 31, 25);
	uint64_t a = oracle->x[field(bits, 19, 15)], b = oracle->x[field(bits, 24, 20)];

	if (funct7 == 1)
		put(oracle, field(bits, 11, 7), multiply(funct3, a, b));
	else if (funct7 == 0 || (funct7 == 32 && (funct3 == 0 || funct3 == 5)))
		put(oracle, field(bits, 11, 7), plain(funct3, funct7, a, b));
	else
		return oracle_illegal(oracle);
	oracle->pc += 4;
	return true;
}

static bool registers_word(struct oracle *oracle, uint32_t bits)
{
	unsigned funct3 = field(bits, 14, 12), funct7 = field(bits, 31, 25);
	uint64_t a = word(oracle->x[field(bits, 19, 15)]), b = word(oracle->x[field(bits, 24, 20)]);
	bool is_unsigned = funct3 == 5 || funct3 == 7;

	if (funct7 == 1 && (funct3 == 0 || funct3 >= 4)) {
		if (is_unsigned)
			a = (uint32_t)a, b = (uint32_t)b;
		put(oracle, field(bits, 11, 7), word(multiply(funct3, a, b)));
	} else if (funct7 == 0 || (funct7 == 32 && (funct3 == 0 || funct3 == 5))) {
		if (funct3 != 0 && funct3 != 1 && funct3 != 5)
			return oracle_illegal(oracle);
		if (funct3 == 5 && !funct7)
			a = (uint32_t)a;
		if (funct3)
			b &= 31;
		put(oracle, field(bits, 11, 7), word(plain(funct3, funct7, a, b)));
	} else {
		return oracle_illegal(oracle);
	}
	oracle->pc += 4;
	return true;
}

static bool immediate(struct oracle *oracle, uint32_t bits, bool is_word)
{
	unsigned funct3 = field(bits, 14, 12);
	uint64_t a = oracle->x[field(bits, 19, 15)], b = sign(bits >> 20, 12), value;
	bool other = false;

	if (is_word && funct3 != 0 && funct3 != 1 && funct3 != 5)
		return oracle_illegal(oracle);
	if (funct3 == 1 || funct3 == 5) {
		unsigned above = (unsigned)field(bits, 31, is_word ? 25 : 26) << (is_word ? 0 : 1);

		if (above != 0 && !(funct3 == 5 && above == 32))
			return oracle_illegal(oracle);
		other = above;
		b = field(bits, is_word ? 24 : 25, 20);
	}
	if (is_word && funct3 == 5)
		a = other ? word(a) : (uint32_t)a;
	value = plain(funct3, other, a, b);
	put(oracle, field(bits, 11, 7), is_word ? word(value) : value);
	oracle->pc += 4;
	return true;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static bool floats_on(const struct oracle *oracle)
{
	return oracle->csr[0x300] >> 13 & 3;
}

static bool load(struct oracle *oracle, uint32_t bits)
{
	unsigned funct3 = field(bits, 14, 12), size = 1u << (funct3 & 3);
	uint64_t value;

	if (funct3 == 7)
		return oracle_illegal(oracle);
	if (!oracle_load(oracle, oracle->x[field(bits, 19, 15)] + sign(bits >> 20, 12), size,
			 &value))
		return false;
	put(oracle, field(bits, 11, 7), funct3 < 4 ? sign(value, 8 * size) : value);
	oracle->pc += 4;
	return true;
}

static bool load_float(struct oracle *oracle, uint32_t bits)
{
	unsigned funct3 = field(bits, 14, 12), size = 1u << funct3;
	uint64_t value;

	if ((funct3 != 2 && funct3 != 3) || !floats_on(oracle))
		return oracle_illegal(oracle);
	if (!oracle_load(oracle, oracle->x[field(bits, 19, 15)] + sign(bits >> 20, 12), size,
			 &value))
		return false;
	oracle->f[field(bits, 11, 7)] = size == 4 ? value | UINT64_C(0xffffffff00000000) : value;
	oracle_float_dirty(oracle);
	oracle->pc += 4;
	return true;
}

static bool store(struct oracle *oracle, uint32_t bits, bool is_float)
{
	unsigned funct3 = field(bits, 14, 12), from = field(bits, 24, 20);
	uint64_t offset = sign(field(bits, 31, 25) << 5 | field(bits, 11, 7), 12);
	uint64_t value = is_float ? oracle->f[from] : oracle->x[from];

	if (funct3 > 3 || (is_float && (funct3 < 2 || !floats_on(oracle))))
		return oracle_illegal(oracle);
	if (!oracle_store(oracle, oracle->x[field(bits, 19, 15)] + offset, 1u << funct3, value))
		return false;
	oracle->pc += 4;
	return true;
}

static uint64_t swap_value(unsigned kind, uint64_t old, uint64_t b)
{
	switch (kind) {
	case 0:
		return old + b;
	case 1:
		return b;
	case 4:
		return old ^ b;
	case 8:
		return old | b;
	case 12:
		return old & b;
	case 16:
		return (int64_t)old < (int64_t)b ? old : b;
	case 20:
		return (int64_t)old > (int64_t)b ? old : b;
	case 24:
		return old < b ? old : b;
	default:
		return old > b ? old : b;
	}
}

static bool atomic(struct oracle *oracle, uint32_t bits)
{
	unsigned kind = field(bits, 31, 27), funct3 = field(bits, 14, 12), size = 1u << funct3;
	unsigned rd = field(bits, 11, 7);
	uint64_t address = oracle->x[field(bits, 19, 15)], b = oracle->x[field(bits, 24, 20)];
	uint64_t old, offset;
	uint8_t *at;

	if ((funct3 != 2 && funct3 != 3) || (kind > 4 && kind % 4) ||
	    (kind == 2 && field(bits, 24, 20)))
		return oracle_illegal(oracle);
	if (!oracle_place(oracle, address, size, kind == 2 ? ORACLE_READ : ORACLE_WRITE, &offset))
		return false;
	at = oracle->setup.ram + offset;
	old = size == 4 ? word(base_load32(at)) : base_load64(at);
	b = size == 4 ? word(b) : b;
	oracle->pc += 4;
	if (kind == 2) {
		oracle->reserved = true;
		oracle->reservation = oracle->setup.ram_base + offset;
		put(oracle, rd, old);
		return true;
	}
	if (kind == 3) {
		bool done = oracle->reserved &&
			    oracle->reservation == oracle->setup.ram_base + offset;

		oracle->reserved = false;
		put(oracle, rd, !done);
		if (!done)
			return true;
		old = b;
	} else {
		put(oracle, rd, old);
		old = swap_value(kind, old, b);
	}
	if (size == 4)
		base_store32(at, (uint32_t)old);
	else
		base_store64(at, old);
	return true;
}

/* ---- Jumps ----------------------------------------------------------------------------------- */

static bool branch(struct oracle *oracle, uint32_t bits)
{
	uint64_t a = oracle->x[field(bits, 19, 15)], b = oracle->x[field(bits, 24, 20)];
	uint64_t offset = sign(field(bits, 31, 31) << 12 | field(bits, 7, 7) << 11 |
				       field(bits, 30, 25) << 5 | field(bits, 11, 8) << 1, 13);
	unsigned funct3 = field(bits, 14, 12);
	bool taken;

	if (funct3 == 2 || funct3 == 3)
		return oracle_illegal(oracle);
	taken = funct3 < 2 ? a == b : funct3 < 6 ? (int64_t)a < (int64_t)b : a < b;
	oracle->pc += taken != (funct3 & 1) ? offset : 4;
	return true;
}

static bool jump(struct oracle *oracle, uint32_t bits, uint64_t to, unsigned length)
{
	put(oracle, field(bits, 11, 7), oracle->pc + length);
	oracle->pc = to & ~UINT64_C(1);
	return true;
}

static bool whole(struct oracle *oracle, uint32_t bits)
{
	uint64_t upper = sign(bits & 0xfffff000, 32);

	switch (bits & 0x7f) {
	case 0x03:
		return load(oracle, bits);
	case 0x07:
		return load_float(oracle, bits);
	case 0x0f:
		if (field(bits, 14, 12) > 1)
			return oracle_illegal(oracle);
		oracle->pc += 4;
		return true;
	case 0x13:
		return immediate(oracle, bits, false);
	case 0x17:
		put(oracle, field(bits, 11, 7), oracle->pc + upper);
		oracle->pc += 4;
		return true;
	case 0x1b:
		return immediate(oracle, bits, true);
	case 0x23:
		return store(oracle, bits, false);
	case 0x27:
		return store(oracle, bits, true);
	case 0x2f:
		return atomic(oracle, bits);
	case 0x33:
		return registers(oracle, bits);
	case 0x37:
		put(oracle, field(bits, 11, 7), upper);
		oracle->pc += 4;
		return true;
	case 0x3b:
		return registers_word(oracle, bits);
	case 0x43: case 0x47: case 0x4b: case 0x4f: case 0x53:
		return oracle_float(oracle, bits);
	case 0x63:
		return branch(oracle, bits);
	case 0x67:
		if (field(bits, 14, 12))
			return oracle_illegal(oracle);
		return jump(oracle, bits, oracle->x[field(bits, 19, 15)] + sign(bits >> 20, 12), 4);
	case 0x6f:
		upper = sign(field(bits, 31, 31) << 20 | field(bits, 19, 12) << 12 |
				     field(bits, 20, 20) << 11 | field(bits, 30, 21) << 1, 21);
		return jump(oracle, bits, oracle->pc + upper, 4);
	case 0x73:
		return oracle_system(oracle, bits);
	}
	return oracle_illegal(oracle);
}

/* ---- Compressed ------------------------------------------------------------------------------ */

static bool load_compressed(struct oracle *oracle, unsigned rd, uint64_t address, unsigned size,
			    bool is_float)
{
	uint64_t value;

	if (is_float && !floats_on(oracle))
		return oracle_illegal(oracle);
	if (!oracle_load(oracle, address, size, &value))
		return false;
	if (is_float) {
		oracle->f[rd] = value;
		oracle_float_dirty(oracle);
	} else {
		put(oracle, rd, size == 4 ? word(value) : value);
	}
	oracle->pc += 2;
	return true;
}

static bool store_compressed(struct oracle *oracle, unsigned from, uint64_t address, unsigned size,
			     bool is_float)
{
	if (is_float && !floats_on(oracle))
		return oracle_illegal(oracle);
	if (!oracle_store(oracle, address, size, is_float ? oracle->f[from] : oracle->x[from]))
		return false;
	oracle->pc += 2;
	return true;
}

static bool quadrant_0(struct oracle *oracle, uint32_t bits)
{
	unsigned low = 8 + field(bits, 4, 2);
	uint64_t base = oracle->x[8 + field(bits, 9, 7)];
	uint64_t eight = base + (field(bits, 12, 10) << 3 | field(bits, 6, 5) << 6);
	uint64_t four = base + (field(bits, 12, 10) << 3 | field(bits, 6, 6) << 2 |
				field(bits, 5, 5) << 6);
	uint64_t up = field(bits, 12, 11) << 4 | field(bits, 10, 7) << 6 | field(bits, 6, 6) << 2 |
		      field(bits, 5, 5) << 3;

	switch (bits >> 13) {
	case 0:
		if (up == 0)
			return oracle_illegal(oracle);
		oracle->x[low] = oracle->x[2] + up;
		oracle->pc += 2;
		return true;
	case 1:
		return load_compressed(oracle, low, eight, 8, true);
	case 2:
		return load_compressed(oracle, low, four, 4, false);
	case 3:
		return load_compressed(oracle, low, eight, 8, false);
	case 5:
		return store_compressed(oracle, low, eight, 8, true);
	case 6:
		return store_compressed(oracle, low, four, 4, false);
	case 7:
		return store_compressed(oracle, low, eight, 8, false);
	}
	return oracle_illegal(oracle);
}

static bool arithmetic_compressed(struct oracle *oracle, uint32_t bits, uint64_t six)
{
	uint64_t *to = &oracle->x[8 + field(bits, 9, 7)], b = oracle->x[8 + field(bits, 4, 2)];

	switch (field(bits, 11, 10) << 3 | (field(bits, 11, 10) == 3 ? field(bits, 12, 12) << 2 |
								       field(bits, 6, 5) : 0)) {
	case 0:
		*to >>= six & 63;
		break;
	case 8:
		*to = (uint64_t)((int64_t)*to >> (six & 63));
		break;
	case 16:
		*to &= six;
		break;
	case 24:
		*to -= b;
		break;
	case 25:
		*to ^= b;
		break;
	case 26:
		*to |= b;
		break;
	case 27:
		*to &= b;
		break;
	case 28:
		*to = word(*to - b);
		break;
	case 29:
		*to = word(*to + b);
		break;
	default:
		return oracle_illegal(oracle);
	}
	oracle->pc += 2;
	return true;
}

static bool quadrant_1(struct oracle *oracle, uint32_t bits)
{
	unsigned rd = field(bits, 11, 7);
	uint64_t six = sign(field(bits, 12, 12) << 5 | field(bits, 6, 2), 6);
	uint64_t near = sign(field(bits, 12, 12) << 8 | field(bits, 11, 10) << 3 |
				     field(bits, 6, 5) << 6 | field(bits, 4, 3) << 1 |
				     field(bits, 2, 2) << 5, 9);
	uint64_t stack = sign(field(bits, 12, 12) << 9 | field(bits, 6, 6) << 4 |
				      field(bits, 5, 5) << 6 | field(bits, 4, 3) << 7 |
				      field(bits, 2, 2) << 5, 10);
	uint64_t far = sign(field(bits, 12, 12) << 11 | field(bits, 11, 11) << 4 |
				    field(bits, 10, 9) << 8 | field(bits, 8, 8) << 10 |
				    field(bits, 7, 7) << 6 | field(bits, 6, 6) << 7 |
				    field(bits, 5, 3) << 1 | field(bits, 2, 2) << 5, 12);
	bool zero = oracle->x[8 + field(bits, 9, 7)] == 0;

	switch (bits >> 13) {
	case 0:
		put(oracle, rd, oracle->x[rd] + six);
		break;
	case 1:
		if (rd == 0)
			return oracle_illegal(oracle);
		put(oracle, rd, word(oracle->x[rd] + six));
		break;
	case 2:
		put(oracle, rd, six);
		break;
	case 3:
		if (six == 0)
			return oracle_illegal(oracle);
		put(oracle, rd, rd == 2 ? oracle->x[2] + stack : six << 12);
		break;
	case 4:
		return arithmetic_compressed(oracle, bits, six);
	case 5:
		oracle->pc += far;
		return true;
	default:
		oracle->pc += zero == (bits >> 13 == 6) ? near : 2;
		return true;
	}
	oracle->pc += 2;
	return true;
}

static bool jump_or_move(struct oracle *oracle, uint32_t bits)
{
	unsigned rd = field(bits, 11, 7), from = field(bits, 6, 2);
	bool link = field(bits, 12, 12);
	uint64_t to = oracle->x[rd];

	if (from) {
		put(oracle, rd, link ? oracle->x[rd] + oracle->x[from] : oracle->x[from]);
		oracle->pc += 2;
		return true;
	}
	if (rd == 0)
		return link ? oracle_trap(oracle, 3, oracle->pc) : oracle_illegal(oracle);
	if (link)
		oracle->x[1] = oracle->pc + 2;
	oracle->pc = to & ~UINT64_C(1);
	return true;
}

static bool quadrant_2(struct oracle *oracle, uint32_t bits)
{
	unsigned rd = field(bits, 11, 7), from = field(bits, 6, 2);
	uint64_t sp = oracle->x[2];
	uint64_t load_8 = sp + (field(bits, 12, 12) << 5 | field(bits, 6, 5) << 3 |
				field(bits, 4, 2) << 6);
	uint64_t load_4 = sp + (field(bits, 12, 12) << 5 | field(bits, 6, 4) << 2 |
				field(bits, 3, 2) << 6);
	uint64_t store_8 = sp + (field(bits, 12, 10) << 3 | field(bits, 9, 7) << 6);
	uint64_t store_4 = sp + (field(bits, 12, 9) << 2 | field(bits, 8, 7) << 6);

	switch (bits >> 13) {
	case 0:
		put(oracle, rd, oracle->x[rd] << (field(bits, 12, 12) << 5 | from));
		oracle->pc += 2;
		return true;
	case 1:
		return load_compressed(oracle, rd, load_8, 8, true);
	case 2:
		return rd ? load_compressed(oracle, rd, load_4, 4, false) : oracle_illegal(oracle);
	case 3:
		return rd ? load_compressed(oracle, rd, load_8, 8, false) : oracle_illegal(oracle);
	case 4:
		return jump_or_move(oracle, bits);
	case 5:
		return store_compressed(oracle, from, store_8, 8, true);
	case 6:
		return store_compressed(oracle, from, store_4, 4, false);
	default:
		return store_compressed(oracle, from, store_8, 8, false);
	}
}

/* ---- The hart -------------------------------------------------------------------------------- */

void oracle_start(struct oracle *oracle, const struct vm_cpu_setup *setup)
{
	*oracle = (struct oracle){.setup = *setup, .mode = VM_MODE_MACHINE};
	if (!oracle->setup.instructions_per_tick)
		oracle->setup.instructions_per_tick = 100;
}

static void carry_out(struct oracle *oracle)
{
	if (!oracle_fetch(oracle))
		return;
	switch (oracle->bits & 3) {
	case 0:
		quadrant_0(oracle, oracle->bits);
		break;
	case 1:
		quadrant_1(oracle, oracle->bits);
		break;
	case 2:
		quadrant_2(oracle, oracle->bits);
		break;
	default:
		whole(oracle, oracle->bits);
	}
}

bool oracle_step(struct oracle *oracle)
{
	if (oracle->waiting && !((oracle->csr[0x344] | oracle->lines) & oracle->csr[0x304]))
		return false;
	oracle->waiting = false;
	oracle_interrupt(oracle);
	oracle->trapped = false;
	carry_out(oracle);
	oracle->count++;
	if (oracle->trapped) {
		if (!(oracle->csr[0x320] & 4))
			oracle->csr[0xb02]--;
		oracle_take(oracle, oracle->cause, oracle->value);
	}
	return true;
}

/* ---- Beside the other ------------------------------------------------------------------------ */

static const char *tell(char *buffer, size_t size, const char *what, unsigned number,
			uint64_t expected, uint64_t found)
{
	snprintf(buffer, size, "%s %x: %llx expected, %llx found", what, number,
		 (unsigned long long)expected, (unsigned long long)found);
	return buffer;
}

/* All that can change, but for those that show others. */
static const uint16_t compared[] = {
	0x003, 0x105, 0x106, 0x10a, 0x140, 0x141, 0x142, 0x143, 0x180, 0x300, 0x302, 0x303, 0x304,
	0x305, 0x306, 0x30a, 0x320, 0x340, 0x341, 0x342, 0x343, 0x344, 0x3a0, 0x3a2, 0x3b0, 0x3b1,
	0x3b2, 0x3b3, 0x3b4, 0x3b5, 0x3b6, 0x3b7, 0x3b8, 0x3b9, 0x3ba, 0x3bb, 0x3bc, 0x3bd, 0x3be,
	0x3bf, 0xb00, 0xb02, 0xc01,
};

const char *oracle_compare(const struct oracle *oracle, const struct vm_cpu *cpu, char *buffer,
			   size_t size)
{
	if (oracle->count != vm_cpu_count(cpu))
		return tell(buffer, size, "count", 0, oracle->count, vm_cpu_count(cpu));
	if (oracle->pc != vm_cpu_pc(cpu))
		return tell(buffer, size, "pc", 0, oracle->pc, vm_cpu_pc(cpu));
	if (oracle->mode != vm_cpu_mode(cpu))
		return tell(buffer, size, "mode", 0, oracle->mode, vm_cpu_mode(cpu));
	for (unsigned at = 0; at < 32; at++) {
		if (oracle->x[at] != vm_cpu_x(cpu, at))
			return tell(buffer, size, "x", at, oracle->x[at], vm_cpu_x(cpu, at));
		if (oracle->f[at] != vm_cpu_f(cpu, at))
			return tell(buffer, size, "f", at, oracle->f[at], vm_cpu_f(cpu, at));
	}
	for (size_t at = 0; at < sizeof(compared) / sizeof(compared[0]); at++) {
		uint64_t expected = 0, found = 1;

		if (!oracle_csr_read(oracle, compared[at], &expected) ||
		    !vm_cpu_csr(cpu, compared[at], &found) || expected != found)
			return tell(buffer, size, "CSR", compared[at], expected, found);
	}
	return NULL;
}

void oracle_copy_to(const struct oracle *oracle, struct vm_cpu *cpu)
{
	/* PMP's addresses before what may lock them; the rest in any order. */
	for (unsigned at = 0; at < 16; at++)
		vm_cpu_set_csr(cpu, 0x3b0 + at, oracle->csr[0x3b0 + at]);
	for (unsigned number = 0; number < 4096; number++) {
		uint64_t value;

		if ((number >= 0x3b0 && number <= 0x3bf) || number == 0x344 || number == 0xb00 ||
		    number == 0xb02 || !oracle_csr_read(oracle, number, &value))
			continue;
		vm_cpu_set_csr(cpu, number, value);
	}
	vm_cpu_set_csr(cpu, 0x344, oracle->csr[0x344]);
	vm_cpu_set_csr(cpu, 0x300, oracle->csr[0x300]); /* fcsr made FS dirty */
	for (unsigned at = 0; at < 32; at++) {
		vm_cpu_set_x(cpu, at, oracle->x[at]);
		vm_cpu_set_f(cpu, at, oracle->f[at]);
	}
	vm_cpu_set_mode(cpu, (enum vm_mode)oracle->mode);
	vm_cpu_set_pc(cpu, oracle->pc);
	vm_cpu_set_lines(cpu, UINT64_MAX, false);
	vm_cpu_set_lines(cpu, oracle->lines, true);
	vm_cpu_set_time_offset(cpu, oracle->time_offset);
}
