/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_csr_fixture.c - the oracle's CSRs, traps and returns.
 */
#include "oracle_fixture.h"

#define BIT(number) (UINT64_C(1) << (number))

enum { SSTATUS = 0x100, SIE = 0x104, SIP = 0x144, SATP = 0x180, MSTATUS = 0x300, MIDELEG = 0x303,
       MIE = 0x304, MCOUNTINHIBIT = 0x320, MIP = 0x344, MCYCLE = 0xb00, MINSTRET = 0xb02 };

#define SSTATUS_BITS (BIT(1) | BIT(5) | BIT(8) | BIT(13) | BIT(14) | BIT(18) | BIT(19))
#define MSTATUS_BITS \
	(SSTATUS_BITS | BIT(3) | BIT(7) | BIT(11) | BIT(12) | BIT(17) | BIT(20) | BIT(21) | BIT(22))

static uint64_t counter(const struct oracle *oracle, unsigned number)
{
	unsigned bit = number == MCYCLE ? 0 : 2;

	return oracle->csr[number] + (oracle->csr[MCOUNTINHIBIT] >> bit & 1 ? 0 : oracle->count);
}

static uint64_t status(const struct oracle *oracle)
{
	uint64_t value = oracle->csr[MSTATUS] | BIT(33) | BIT(35);

	return (value >> 13 & 3) == 3 ? value | BIT(63) : value;
}

static uint64_t pmp_address(const struct oracle *oracle, unsigned entry)
{
	uint64_t config = oracle->csr[0x3a0 + entry / 8 * 2] >> (entry % 8 * 8);
	uint64_t value = oracle->csr[0x3b0 + entry];

	return (config >> 3 & 3) == 3 ? value | 0x1ff : value & ~UINT64_C(0x3ff);
}

bool oracle_csr_read(const struct oracle *oracle, unsigned number, uint64_t *value)
{
	*value = 0;
	if ((number >= 0xc03 && number <= 0xc1f) || (number >= 0xb03 && number <= 0xb1f) ||
	    (number >= 0x323 && number <= 0x33f) || (number >= 0x7a0 && number <= 0x7a3) ||
	    (number >= 0xf11 && number <= 0xf13) || number == 0xf15)
		return true;
	if (number >= 0x3b0 && number <= 0x3bf) {
		*value = pmp_address(oracle, number - 0x3b0);
		return true;
	}
	*value = oracle->csr[number];
	switch (number) {
	case 0x001: case 0x002:
	case 0x105: case 0x106: case 0x10a: case 0x140: case 0x141: case 0x142: case 0x143:
	case SATP:
	case 0x302: case MIDELEG: case MIE: case 0x305: case 0x306: case 0x30a: case MCOUNTINHIBIT:
	case 0x340: case 0x341: case 0x342: case 0x343: case 0x3a0: case 0x3a2:
		return true;
	case 0x003:
		*value = oracle->csr[2] << 5 | oracle->csr[1];
		return true;
	case MSTATUS:
		*value = status(oracle);
		return true;
	case SSTATUS:
		*value = status(oracle) & (SSTATUS_BITS | BIT(33) | BIT(63));
		return true;
	case SIE:
		*value = oracle->csr[MIE] & oracle->csr[MIDELEG];
		return true;
	case SIP:
		*value = (oracle->csr[MIP] | oracle->lines) & oracle->csr[MIDELEG];
		return true;
	case MIP:
		*value = oracle->csr[MIP] | oracle->lines;
		return true;
	case 0x301:
		*value = BIT(63) | BIT(0) | BIT(2) | BIT(3) | BIT(5) | BIT(8) | BIT(12) | BIT(18) |
			 BIT(20);
		return true;
	case 0xf14:
		*value = oracle->setup.hart_id;
		return true;
	case MCYCLE: case MINSTRET:
		*value = counter(oracle, number);
		return true;
	case 0xc00: case 0xc02:
		*value = counter(oracle, number - 0x100);
		return true;
	case 0xc01:
		*value = oracle->count / oracle->setup.instructions_per_tick + oracle->time_offset;
		return true;
	}
	return false;
}

static void set(struct oracle *oracle, unsigned number, uint64_t writable, uint64_t value)
{
	oracle->csr[number] = (oracle->csr[number] & ~writable) | (value & writable);
}

static void write_pmp(struct oracle *oracle, unsigned number, uint64_t value)
{
	if (number >= 0x3b0) {
		unsigned entry = number - 0x3b0;
		uint64_t own = oracle->csr[0x3a0 + entry / 8 * 2] >> (entry % 8 * 8), next = 0;

		if (entry < 15)
			next = oracle->csr[0x3a0 + (entry + 1) / 8 * 2] >> ((entry + 1) % 8 * 8);
		if (!(own & 0x80) && (next & 0x98) != 0x88)
			oracle->csr[number] = value & (BIT(54) - 1);
		return;
	}
	for (unsigned at = 0; at < 64; at += 8) {
		uint64_t old = oracle->csr[number] >> at & 0xff, new = value >> at & 0x9f;

		if (old & 0x80)
			continue;
		if ((new & 3) == 2)
			new &= ~UINT64_C(3);
		if ((new & 0x18) == 0x10)
			new = (new & ~UINT64_C(0x18)) | (old & 0x18);
		set(oracle, number, UINT64_C(0xff) << at, new << at);
	}
}

static void inhibit(struct oracle *oracle, uint64_t value)
{
	uint64_t cycle, instret;

	/* The instruction that writes counts as before it. */
	oracle->count++;
	cycle = counter(oracle, MCYCLE);
	instret = counter(oracle, MINSTRET);
	oracle->csr[MCOUNTINHIBIT] = value & 5;
	oracle->csr[MCYCLE] += cycle - counter(oracle, MCYCLE);
	oracle->csr[MINSTRET] += instret - counter(oracle, MINSTRET);
	oracle->count--;
}

/* False: only a write to it can be told from none. */
static bool write_plain(struct oracle *oracle, unsigned number, uint64_t value)
{
	switch (number) {
	case 0x105: case 0x305:
		oracle->csr[number] = value & ~UINT64_C(2);
		return true;
	case 0x106: case 0x306:
		oracle->csr[number] = (uint32_t)value;
		return true;
	case 0x10a: case 0x30a:
		oracle->csr[number] = value & 1;
		return true;
	case 0x140: case 0x142: case 0x143: case 0x340: case 0x342: case 0x343:
		oracle->csr[number] = value;
		return true;
	case 0x141: case 0x341:
		oracle->csr[number] = value & ~UINT64_C(1);
		return true;
	case 0x302:
		oracle->csr[number] = value & 0xb3ff;
		return true;
	case MIDELEG:
		oracle->csr[number] = value & 0x222;
		return true;
	case MIE:
		oracle->csr[number] = value & 0xaaa;
		return true;
	case MIP:
		oracle->csr[number] = value & 0x222;
		return true;
	}
	return false;
}

static void csr_write(struct oracle *oracle, unsigned number, uint64_t value)
{
	uint64_t writable = MSTATUS_BITS;

	if ((number >= 0x3b0 && number <= 0x3bf) || number == 0x3a0 || number == 0x3a2) {
		write_pmp(oracle, number, value);
		return;
	}
	if (write_plain(oracle, number, value))
		return;
	switch (number) {
	case 0x001:
		oracle->csr[1] = value & 31;
		oracle_float_dirty(oracle);
		break;
	case 0x002:
		oracle->csr[2] = value & 7;
		oracle_float_dirty(oracle);
		break;
	case 0x003:
		oracle->csr[1] = value & 31;
		oracle->csr[2] = value >> 5 & 7;
		oracle_float_dirty(oracle);
		break;
	case MSTATUS:
		if ((value >> 11 & 3) == 2)
			writable &= ~(BIT(11) | BIT(12));
		set(oracle, MSTATUS, writable, value);
		break;
	case SSTATUS:
		set(oracle, MSTATUS, SSTATUS_BITS, value);
		break;
	case SIE:
		set(oracle, MIE, oracle->csr[MIDELEG], value);
		break;
	case SIP:
		set(oracle, MIP, oracle->csr[MIDELEG] & 2, value);
		break;
	case SATP:
		if (value >> 60 == 8)
			oracle->csr[SATP] = value & (BIT(63) | (BIT(44) - 1));
		else if (value >> 60 == 0)
			oracle->csr[SATP] = 0;
		break;
	case MCOUNTINHIBIT:
		inhibit(oracle, value);
		break;
	case MCYCLE: case MINSTRET:
		oracle->count++;
		oracle->csr[number] += value - counter(oracle, number);
		oracle->count--;
		break;
	}
}

static bool allowed(const struct oracle *oracle, unsigned number)
{
	unsigned bit = number & 31;

	if ((number >> 8 & 3) > oracle->mode)
		return false;
	if (number <= 3 && (oracle->csr[MSTATUS] >> 13 & 3) == 0)
		return false;
	if (number == SATP && oracle->mode == 1 && oracle->csr[MSTATUS] >> 20 & 1)
		return false;
	if (number >= 0xc00 && number <= 0xc1f) {
		if (oracle->mode < 3 && !(oracle->csr[0x306] >> bit & 1))
			return false;
		if (oracle->mode == 0 && !(oracle->csr[0x106] >> bit & 1))
			return false;
	}
	return true;
}

static bool csr_instruction(struct oracle *oracle, uint32_t bits)
{
	unsigned number = bits >> 20, kind = bits >> 12 & 3, from = bits >> 15 & 31;
	uint64_t operand = bits >> 14 & 1 ? from : oracle->x[from], old, base;
	bool writes = kind == 1 || from != 0;

	if (!allowed(oracle, number) || !oracle_csr_read(oracle, number, &old) ||
	    (writes && number >= 0xc00))
		return oracle_illegal(oracle);
	base = number == MIP || number == SIP ? oracle->csr[MIP] : old;
	if (writes)
		csr_write(oracle, number,
			  kind == 1 ? operand : kind == 2 ? base | operand : base & ~operand);
	if (bits >> 7 & 31)
		oracle->x[bits >> 7 & 31] = old;
	oracle->pc += 4;
	return true;
}

static void go_back(struct oracle *oracle, bool machine)
{
	uint64_t now = oracle->csr[MSTATUS];
	uint64_t mode = machine ? now >> 11 & 3 : now >> 8 & 1;
	unsigned enable = machine ? 3 : 1, previous = enable + 4;

	set(oracle, MSTATUS, BIT(enable), now >> previous << enable);
	oracle->csr[MSTATUS] |= BIT(previous);
	oracle->csr[MSTATUS] &= ~(machine ? BIT(11) | BIT(12) : BIT(8));
	if (mode != 3)
		oracle->csr[MSTATUS] &= ~BIT(17);
	oracle->mode = mode;
	oracle->pc = oracle->csr[machine ? 0x341 : 0x141];
}

bool oracle_system(struct oracle *oracle, uint32_t bits)
{
	uint64_t now = oracle->csr[MSTATUS];

	if (bits >> 12 & 3)
		return csr_instruction(oracle, bits);
	if ((bits & 0xfe007fff) == 0x12000073) { /* sfence.vma */
		if (oracle->mode == 0 || (oracle->mode == 1 && now >> 20 & 1))
			return oracle_illegal(oracle);
		oracle->pc += 4;
		return true;
	}
	switch (bits) {
	case 0x00000073:
		return oracle_trap(oracle, 8 + oracle->mode, 0);
	case 0x00100073:
		return oracle_trap(oracle, 3, oracle->pc);
	case 0x30200073:
		if (oracle->mode != 3)
			return oracle_illegal(oracle);
		go_back(oracle, true);
		return true;
	case 0x10200073:
		if (oracle->mode == 0 || (oracle->mode == 1 && now >> 22 & 1))
			return oracle_illegal(oracle);
		go_back(oracle, false);
		return true;
	case 0x10500073:
		if (oracle->mode == 0 || (oracle->mode == 1 && now >> 21 & 1))
			return oracle_illegal(oracle);
		oracle->waiting = true;
		oracle->pc += 4;
		return true;
	}
	return oracle_illegal(oracle);
}

void oracle_take(struct oracle *oracle, uint64_t cause, uint64_t value)
{
	bool interrupt = cause >> 63;
	uint64_t delegated = oracle->csr[interrupt ? MIDELEG : 0x302] >> (cause & 63) & 1;
	unsigned base = oracle->mode < 3 && delegated ? 0x100 : 0x300;
	unsigned enable = base == 0x100 ? 1 : 3;
	uint64_t vector = oracle->csr[base + 5];

	set(oracle, MSTATUS, BIT(enable + 4), oracle->csr[MSTATUS] >> enable << (enable + 4));
	oracle->csr[MSTATUS] &= ~BIT(enable);
	if (base == 0x100)
		set(oracle, MSTATUS, BIT(8), oracle->mode << 8);
	else
		set(oracle, MSTATUS, BIT(11) | BIT(12), oracle->mode << 11);
	oracle->csr[base + 0x41] = oracle->pc;
	oracle->csr[base + 0x42] = cause;
	oracle->csr[base + 0x43] = value;
	oracle->pc = (vector & ~UINT64_C(3)) + (interrupt && vector & 1 ? 4 * (cause & 63) : 0);
	oracle->mode = base == 0x100 ? 1 : 3;
}

bool oracle_interrupt(struct oracle *oracle)
{
	static const unsigned order[] = {11, 3, 7, 9, 1, 5};
	uint64_t due = (oracle->csr[MIP] | oracle->lines) & oracle->csr[MIE];
	uint64_t now = oracle->csr[MSTATUS];

	for (int supervisor = 0; supervisor < 2; supervisor++) {
		uint64_t mine = due & (supervisor ? oracle->csr[MIDELEG] : ~oracle->csr[MIDELEG]);
		bool on = supervisor ? oracle->mode == 0 || (oracle->mode == 1 && now >> 1 & 1)
				     : oracle->mode < 3 || now >> 3 & 1;

		for (unsigned at = 0; on && at < 6; at++) {
			if (mine >> order[at] & 1) {
				oracle_take(oracle, BIT(63) | order[at], 0);
				return true;
			}
		}
	}
	return false;
}
