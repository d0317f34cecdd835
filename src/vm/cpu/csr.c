/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csr.c - control and status registers: one table of who reads and writes each, and the rules of
 * access. Fields that a write leaves as they are do so without a trap.
 */
#include "execute.h"
#include "memory.h"

#include <assert.h>

enum {
	CSR_FFLAGS = 0x001,
	CSR_FRM = 0x002,
	CSR_FCSR = 0x003,
	CSR_SIP = 0x144,
	CSR_SATP = 0x180,
	CSR_MIP = 0x344,
	CSR_PMPCFG0 = 0x3a0,
	CSR_PMPCFG2 = 0x3a2,
	CSR_PMPADDR0 = 0x3b0,
	CSR_CYCLE = 0xc00,
	CSR_TIME = 0xc01,
	CSR_INSTRET = 0xc02,
	CSR_HPMCOUNTER31 = 0xc1f,
	CSR_MCYCLE = 0xb00,
};

#define STATUS_SUPERVISOR                                                                   \
	(VM_STATUS_SIE | VM_STATUS_SPIE | VM_STATUS_SPP | VM_STATUS_FS | VM_STATUS_SUM | \
	 VM_STATUS_MXR)
#define STATUS_MACHINE                                                                      \
	(STATUS_SUPERVISOR | VM_STATUS_MIE | VM_STATUS_MPIE | VM_STATUS_MPP | VM_STATUS_MPRV | \
	 VM_STATUS_TVM | VM_STATUS_TW | VM_STATUS_TSR)
#define LINES_SUPERVISOR                                                                    \
	((uint64_t)(VM_LINE_SUPERVISOR_SOFTWARE | VM_LINE_SUPERVISOR_TIMER |                 \
		    VM_LINE_SUPERVISOR_EXTERNAL))
#define LINES_ALL                                                                           \
	(LINES_SUPERVISOR | VM_LINE_MACHINE_SOFTWARE | VM_LINE_MACHINE_TIMER |               \
	 VM_LINE_MACHINE_EXTERNAL)
/* Everything that can happen in less than machine mode. */
#define DELEGABLE UINT64_C(0xb3ff)
#define LETTER(letter) (1 << ((letter) - 'A'))
/* 64 bits, and what there is. */
#define MISA \
	(UINT64_C(2) << 62 | LETTER('I') | LETTER('M') | LETTER('A') | LETTER('F') | LETTER('D') | \
	 LETTER('C') | LETTER('S') | LETTER('U'))

struct csr {
	uint16_t offset;  /* of the field in struct vm_cpu, for those that are one */
	uint64_t writable;
	uint64_t (*read)(const struct vm_cpu *cpu, const struct csr *csr);
	void (*write)(struct vm_cpu *cpu, const struct csr *csr, uint64_t value);
};

/* ---- Plain ones ------------------------------------------------------------------------------ */

static uint64_t read_field(const struct vm_cpu *cpu, const struct csr *csr)
{
	return *(const uint64_t *)((const uint8_t *)cpu + csr->offset);
}

static void write_field(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	*(uint64_t *)((uint8_t *)cpu + csr->offset) = value & csr->writable;
}

static uint64_t read_zero(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)cpu, (void)csr;
	return 0;
}

static void write_nothing(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)cpu, (void)csr, (void)value;
}

static uint64_t read_misa(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)cpu, (void)csr;
	return MISA;
}

static uint64_t read_hart(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return cpu->setup.hart_id;
}

/* ---- Status ---------------------------------------------------------------------------------- */

static uint64_t read_mstatus(const struct vm_cpu *cpu, const struct csr *csr)
{
	uint64_t status = cpu->mstatus | VM_STATUS_XL;

	(void)csr;
	return (status & VM_STATUS_FS) == VM_STATUS_FS ? status | VM_STATUS_SD : status;
}

static void write_status(struct vm_cpu *cpu, uint64_t writable, uint64_t value)
{
	if ((value & VM_STATUS_MPP) >> VM_STATUS_MPP_SHIFT == 2)
		writable &= ~VM_STATUS_MPP;
	cpu->mstatus = (cpu->mstatus & ~writable) | (value & writable);
	vm_cpu_changed(cpu);
}

static void write_mstatus(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)csr;
	write_status(cpu, STATUS_MACHINE, value);
}

static uint64_t read_sstatus(const struct vm_cpu *cpu, const struct csr *csr)
{
	return read_mstatus(cpu, csr) &
	       (STATUS_SUPERVISOR | (VM_STATUS_XL & UINT64_C(3) << 32) | VM_STATUS_SD);
}

static void write_sstatus(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)csr;
	write_status(cpu, STATUS_SUPERVISOR, value);
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

static void write_mie(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	write_field(cpu, csr, value);
	cpu->attention = true;
}

static uint64_t read_sie(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return cpu->mie & cpu->mideleg;
}

static void write_sie(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)csr;
	cpu->mie = (cpu->mie & ~cpu->mideleg) | (value & cpu->mideleg);
	cpu->attention = true;
}

static uint64_t read_mip(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return vm_pending(cpu);
}

static uint64_t read_sip(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return vm_pending(cpu) & cpu->mideleg;
}

static void write_sip(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	uint64_t writable = cpu->mideleg & VM_LINE_SUPERVISOR_SOFTWARE;

	(void)csr;
	cpu->mip = (cpu->mip & ~writable) | (value & writable);
	cpu->attention = true;
}

static void write_vector(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	write_field(cpu, csr, value & ~UINT64_C(2)); /* direct or vectored */
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void write_satp(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)csr;
	if (value >> 60 == 0)
		cpu->satp = 0;
	else if (value >> 60 == VM_SATP_SV39) /* no ASIDs */
		cpu->satp = value & (VM_SATP_SV39 << 60 | ((UINT64_C(1) << 44) - 1));
	vm_cpu_changed(cpu);
}

/* ---- Counters -------------------------------------------------------------------------------- */

enum { INHIBIT_CYCLE = 1, INHIBIT_INSTRET = 4 };

static uint64_t read_cycle(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return cpu->cycle + (cpu->mcountinhibit & INHIBIT_CYCLE ? 0 : vm_cpu_count(cpu));
}

static uint64_t read_instret(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return cpu->instret + (cpu->mcountinhibit & INHIBIT_INSTRET ? 0 : vm_cpu_count(cpu));
}

/* The instruction that follows reads what was written: its own writer is not counted. */
static void write_cycle(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)csr;
	cpu->cycle = value - (cpu->mcountinhibit & INHIBIT_CYCLE ? 0 : vm_cpu_count(cpu) + 1);
}

static void write_instret(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)csr;
	cpu->instret = value - (cpu->mcountinhibit & INHIBIT_INSTRET ? 0 : vm_cpu_count(cpu) + 1);
}

static void write_inhibit(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	uint64_t changed = (value ^ cpu->mcountinhibit) & csr->writable;
	uint64_t count = vm_cpu_count(cpu) + 1;

	if (changed & INHIBIT_CYCLE)
		cpu->cycle += value & INHIBIT_CYCLE ? count : 0 - count;
	if (changed & INHIBIT_INSTRET)
		cpu->instret += value & INHIBIT_INSTRET ? count : 0 - count;
	cpu->mcountinhibit ^= changed;
}

static uint64_t read_time(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return vm_cpu_time(cpu);
}

/* ---- Floating point -------------------------------------------------------------------------- */

static uint64_t read_fcsr(const struct vm_cpu *cpu, const struct csr *csr)
{
	(void)csr;
	return cpu->frm << 5 | cpu->fflags;
}

static void write_fflags(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	write_field(cpu, csr, value);
	vm_float_dirty(cpu);
}

static void write_fcsr(struct vm_cpu *cpu, const struct csr *csr, uint64_t value)
{
	(void)csr;
	cpu->fflags = value & 0x1f;
	cpu->frm = value >> 5 & 7;
	vm_float_dirty(cpu);
}

/* ---- The table ------------------------------------------------------------------------------- */

#define PLAIN(X, number, name, writable) X(number, name, name, writable, read_field, write_field)
#define ODD(X, number, name, read, write) X(number, name, pc, 0, read, write)

/* X(number, name, field, writable, read, write) */
#define CSR_TABLE(X)                                                                        \
	X(CSR_FFLAGS, fflags, fflags, 0x1f, read_field, write_fflags)                       \
	X(CSR_FRM, frm, frm, 7, read_field, write_fflags)                                   \
	ODD(X, CSR_FCSR, fcsr, read_fcsr, write_fcsr)                                       \
	ODD(X, 0x100, sstatus, read_sstatus, write_sstatus)                                 \
	ODD(X, 0x104, sie, read_sie, write_sie)                                             \
	X(0x105, stvec, stvec, UINT64_MAX, read_field, write_vector)                        \
	PLAIN(X, 0x106, scounteren, UINT32_MAX)                                             \
	PLAIN(X, 0x10a, senvcfg, 1)                                                         \
	PLAIN(X, 0x140, sscratch, UINT64_MAX)                                               \
	PLAIN(X, 0x141, sepc, UINT64_MAX - 1)                                               \
	PLAIN(X, 0x142, scause, UINT64_MAX)                                                 \
	PLAIN(X, 0x143, stval, UINT64_MAX)                                                  \
	ODD(X, CSR_SIP, sip, read_sip, write_sip)                                           \
	X(CSR_SATP, satp, satp, UINT64_MAX, read_field, write_satp)                         \
	ODD(X, 0x300, mstatus, read_mstatus, write_mstatus)                                 \
	ODD(X, 0x301, misa, read_misa, write_nothing)                                       \
	X(0x302, medeleg, medeleg, DELEGABLE, read_field, write_field)                      \
	X(0x303, mideleg, mideleg, LINES_SUPERVISOR, read_field, write_mie)                 \
	X(0x304, mie, mie, LINES_ALL, read_field, write_mie)                                \
	X(0x305, mtvec, mtvec, UINT64_MAX, read_field, write_vector)                        \
	PLAIN(X, 0x306, mcounteren, UINT32_MAX)                                             \
	PLAIN(X, 0x30a, menvcfg, 1)                                                         \
	X(0x320, mcountinhibit, mcountinhibit, INHIBIT_CYCLE | INHIBIT_INSTRET, read_field, \
	  write_inhibit)                                                                    \
	PLAIN(X, 0x340, mscratch, UINT64_MAX)                                               \
	PLAIN(X, 0x341, mepc, UINT64_MAX - 1)                                               \
	PLAIN(X, 0x342, mcause, UINT64_MAX)                                                 \
	PLAIN(X, 0x343, mtval, UINT64_MAX)                                                  \
	X(CSR_MIP, mip, mip, LINES_SUPERVISOR, read_mip, write_mie)                         \
	ODD(X, CSR_MCYCLE, mcycle, read_cycle, write_cycle)                                 \
	ODD(X, 0xb02, minstret, read_instret, write_instret)                                \
	ODD(X, CSR_CYCLE, cycle, read_cycle, write_nothing)                                 \
	ODD(X, CSR_TIME, time, read_time, write_nothing)                                    \
	ODD(X, CSR_INSTRET, instret, read_instret, write_nothing)                           \
	ODD(X, 0xf14, mhartid, read_hart, write_nothing)

enum row {
#define ROW_NAME(number, name, ...) ROW_##name,
	CSR_TABLE(ROW_NAME)
#undef ROW_NAME
	ROW_ZERO,
};

static const struct csr rows[] = {
#define ROW(number, name, field, writable, read, write) \
	[ROW_##name] = {offsetof(struct vm_cpu, field), writable, read, write},
	CSR_TABLE(ROW)
#undef ROW
	[ROW_ZERO] = {0, 0, read_zero, write_nothing},
};

/* NULL: there is none with this number. PMP's are apart. */
static const struct csr *find(unsigned number)
{
	switch (number) {
#define ROW(number, name, ...)   \
	case number:             \
		return &rows[ROW_##name];
	CSR_TABLE(ROW)
#undef ROW
	case 0xf11 ... 0xf13: /* who made it */
	case 0xf15:
	case 0x323 ... 0x33f: /* counters of events: none counts */
	case 0xb03 ... 0xb1f:
	case 0xc03 ... CSR_HPMCOUNTER31:
	case 0x7a0 ... 0x7a3: /* triggers: none is there */
		return &rows[ROW_ZERO];
	}
	return NULL;
}

/* ---- PMP ------------------------------------------------------------------------------------- */

enum { PMP_LOCKED = 0x80, PMP_KIND = 0x18, PMP_TOR = 0x08, PMP_NA4 = 0x10 };

#define PMP_GRAIN_ONES ((UINT64_C(1) << 9) - 1)
#define PMP_ADDRESS_BITS ((UINT64_C(1) << 54) - 1)

static bool is_pmp(unsigned number)
{
	return number == CSR_PMPCFG0 || number == CSR_PMPCFG2 ||
	       (number >= CSR_PMPADDR0 && number < CSR_PMPADDR0 + VM_PMP_ENTRIES);
}

static uint64_t read_pmp(const struct vm_cpu *cpu, unsigned number)
{
	uint64_t value = 0;

	if (number >= CSR_PMPADDR0) {
		unsigned entry = number - CSR_PMPADDR0;

		if (cpu->pmpcfg[entry] & PMP_NA4) /* NAPOT */
			return cpu->pmpaddr[entry] | PMP_GRAIN_ONES;
		return cpu->pmpaddr[entry] & ~(PMP_GRAIN_ONES << 1 | 1);
	}
	for (unsigned at = 0; at < 8; at++)
		value |= (uint64_t)cpu->pmpcfg[(number - CSR_PMPCFG0) * 4 + at] << (8 * at);
	return value;
}

static void write_pmp_config(struct vm_cpu *cpu, unsigned entry, uint8_t config)
{
	uint8_t *now = &cpu->pmpcfg[entry];

	if (*now & PMP_LOCKED)
		return;
	config &= (uint8_t)~0x60;
	if ((config & 3) == 2) /* writable but not readable is reserved */
		config &= (uint8_t)~3;
	if ((config & PMP_KIND) == PMP_NA4)
		config = (uint8_t)((config & ~PMP_KIND) | (*now & PMP_KIND));
	*now = config;
}

static void write_pmp(struct vm_cpu *cpu, unsigned number, uint64_t value)
{
	if (number >= CSR_PMPADDR0) {
		unsigned entry = number - CSR_PMPADDR0;
		/* The bottom of a locked region is locked as well. */
		bool bottom = entry + 1 < VM_PMP_ENTRIES &&
			      (cpu->pmpcfg[entry + 1] & (PMP_LOCKED | PMP_KIND)) ==
				      (PMP_LOCKED | PMP_TOR);

		if (!(cpu->pmpcfg[entry] & PMP_LOCKED) && !bottom)
			cpu->pmpaddr[entry] = value & PMP_ADDRESS_BITS;
	} else {
		for (unsigned at = 0; at < 8; at++)
			write_pmp_config(cpu, (number - CSR_PMPCFG0) * 4 + at,
					 (uint8_t)(value >> (8 * at)));
	}
	vm_forget_translations(cpu);
}

/* ---- Access ---------------------------------------------------------------------------------- */

bool vm_cpu_csr(const struct vm_cpu *cpu, unsigned number, uint64_t *value)
{
	const struct csr *csr = find(number);

	if (is_pmp(number))
		*value = read_pmp(cpu, number);
	else if (csr)
		*value = csr->read(cpu, csr);
	else
		return false;
	return true;
}

static void write(struct vm_cpu *cpu, unsigned number, uint64_t value)
{
	const struct csr *csr = find(number);

	if (is_pmp(number))
		write_pmp(cpu, number, value);
	else
		csr->write(cpu, csr, value);
}

static bool read_only(unsigned number)
{
	return number >> 10 == 3;
}

bool vm_cpu_set_csr(struct vm_cpu *cpu, unsigned number, uint64_t value)
{
	if (read_only(number) || (!find(number) && !is_pmp(number)))
		return false;
	write(cpu, number, value);
	return true;
}

/* Whether the present mode may touch it at all. */
static bool allowed(const struct vm_cpu *cpu, unsigned number)
{
	if ((number >> 8 & 3) > cpu->mode)
		return false;
	if (number <= CSR_FCSR)
		return cpu->mstatus & VM_STATUS_FS;
	if (number == CSR_SATP)
		return cpu->mode != VM_MODE_SUPERVISOR || !(cpu->mstatus & VM_STATUS_TVM);
	if (number >= CSR_CYCLE && number <= CSR_HPMCOUNTER31) {
		unsigned bit = number - CSR_CYCLE;

		if (cpu->mode < VM_MODE_MACHINE && !(cpu->mcounteren >> bit & 1))
			return false;
		return cpu->mode != VM_MODE_USER || cpu->scounteren >> bit & 1;
	}
	return true;
}

bool vm_csr(struct vm_cpu *cpu, const struct vm_op *op)
{
	unsigned number = (unsigned)op->immediate >> VM_OP_CSR_SHIFT;
	enum vm_instruction name = vm_op_name(op);
	bool is_write = name == VM_CSRRW || name == VM_CSRRWI;
	uint64_t operand = name >= VM_CSRRWI ? op->b : cpu->x[op->b];
	uint64_t old, base;

	if (!allowed(cpu, number) || !vm_cpu_csr(cpu, number, &old) ||
	    (read_only(number) && (is_write || op->b != 0)))
		return vm_raise_illegal(cpu);
	/* What lines say is read, and not written back. */
	base = number == CSR_MIP || number == CSR_SIP ? cpu->mip : old;
	if (is_write)
		write(cpu, number, operand);
	else if (op->b != 0 && (name == VM_CSRRS || name == VM_CSRRSI))
		write(cpu, number, base | operand);
	else if (op->b != 0)
		write(cpu, number, base & ~operand);
	cpu->x[op->a] = old;
	return true;
}
