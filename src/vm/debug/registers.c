/* SPDX-License-Identifier: Apache-2.0 */
#include "registers.h"

#include <assert.h>

enum { FIRST_F = 33, FIRST_CSR = 65, MODE_RESERVED = 2 };

static const char *const x_names[] = {
	"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "fp", "s1", "a0",
	"a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
	"s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

static const char *const f_names[] = {
	"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6",  "ft7",  "fs0", "fs1", "fa0",
	"fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7",  "fs2",  "fs3", "fs4", "fs5",
	"fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};

/* X(name, number); the first three are gdb's feature of floating point. */
#define CONTROL_REGISTERS(X)     \
	X(fflags, 0x001)         \
	X(frm, 0x002)            \
	X(fcsr, 0x003)           \
	X(cycle, 0xc00)          \
	X(time, 0xc01)           \
	X(instret, 0xc02)        \
	X(sstatus, 0x100)        \
	X(sie, 0x104)            \
	X(stvec, 0x105)          \
	X(scounteren, 0x106)     \
	X(senvcfg, 0x10a)        \
	X(sscratch, 0x140)       \
	X(sepc, 0x141)           \
	X(scause, 0x142)         \
	X(stval, 0x143)          \
	X(sip, 0x144)            \
	X(satp, 0x180)           \
	X(mvendorid, 0xf11)      \
	X(marchid, 0xf12)        \
	X(mimpid, 0xf13)         \
	X(mhartid, 0xf14)        \
	X(mstatus, 0x300)        \
	X(misa, 0x301)           \
	X(medeleg, 0x302)        \
	X(mideleg, 0x303)        \
	X(mie, 0x304)            \
	X(mtvec, 0x305)          \
	X(mcounteren, 0x306)     \
	X(menvcfg, 0x30a)        \
	X(mcountinhibit, 0x320)  \
	X(mscratch, 0x340)       \
	X(mepc, 0x341)           \
	X(mcause, 0x342)         \
	X(mtval, 0x343)          \
	X(mip, 0x344)            \
	X(pmpcfg0, 0x3a0)        \
	X(pmpcfg2, 0x3a2)        \
	X(pmpaddr0, 0x3b0)       \
	X(pmpaddr1, 0x3b1)       \
	X(pmpaddr2, 0x3b2)       \
	X(pmpaddr3, 0x3b3)       \
	X(pmpaddr4, 0x3b4)       \
	X(pmpaddr5, 0x3b5)       \
	X(pmpaddr6, 0x3b6)       \
	X(pmpaddr7, 0x3b7)       \
	X(pmpaddr8, 0x3b8)       \
	X(pmpaddr9, 0x3b9)       \
	X(pmpaddr10, 0x3ba)      \
	X(pmpaddr11, 0x3bb)      \
	X(pmpaddr12, 0x3bc)      \
	X(pmpaddr13, 0x3bd)      \
	X(pmpaddr14, 0x3be)      \
	X(pmpaddr15, 0x3bf)      \
	X(mcycle, 0xb00)         \
	X(minstret, 0xb02)

static const struct control {
	const char *name;
	uint16_t number;
} controls[] = {
#define CONTROL(name, number) {#name, number},
	CONTROL_REGISTERS(CONTROL)
#undef CONTROL
};

enum {
	CONTROLS = sizeof(controls) / sizeof(*controls),
	FLOAT_CONTROLS = 3,
	PRIV = FIRST_CSR + CONTROLS,
	COUNT,
	TICKS,
	REGISTERS,
};

unsigned vm_register_count(void)
{
	return REGISTERS;
}

unsigned vm_register_bytes(unsigned number)
{
	assert(number < REGISTERS);
	return number >= FIRST_CSR && number < FIRST_CSR + FLOAT_CONTROLS ? 4 : 8;
}

bool vm_register_get(const struct vm_cpu *cpu, unsigned number, uint64_t *value)
{
	assert(number < REGISTERS);
	if (number < VM_REGISTER_PC)
		*value = vm_cpu_x(cpu, number);
	else if (number == VM_REGISTER_PC)
		*value = vm_cpu_pc(cpu);
	else if (number < FIRST_CSR)
		*value = vm_cpu_f(cpu, number - FIRST_F);
	else if (number < PRIV)
		return vm_cpu_csr(cpu, controls[number - FIRST_CSR].number, value);
	else if (number == PRIV)
		*value = vm_cpu_mode(cpu);
	else
		*value = number == COUNT ? vm_cpu_count(cpu) : vm_cpu_time(cpu);
	return true;
}

bool vm_register_set(struct vm_cpu *cpu, unsigned number, uint64_t value)
{
	assert(number < REGISTERS);
	if (number == PRIV && (value > VM_MODE_MACHINE || value == MODE_RESERVED))
		return false;
	if (number < VM_REGISTER_PC)
		vm_cpu_set_x(cpu, number, value);
	else if (number == VM_REGISTER_PC)
		vm_cpu_set_pc(cpu, value);
	else if (number < FIRST_CSR)
		vm_cpu_set_f(cpu, number - FIRST_F, value);
	else if (number < PRIV)
		return vm_cpu_set_csr(cpu, controls[number - FIRST_CSR].number, value);
	else if (number == PRIV)
		vm_cpu_set_mode(cpu, (enum vm_mode)value);
	else
		return false;
	return true;
}

/* ---- Described ------------------------------------------------------------------------------- */

static int begin_feature(struct base_buffer *out, const char *name, struct gw_error *error)
{
	return base_buffer_append_format(out, error, "<feature name=\"%s\">\n", name);
}

static int end_feature(struct base_buffer *out, struct gw_error *error)
{
	return base_buffer_append_string(out, "</feature>\n", error);
}

static int describe(struct base_buffer *out, const char *name, unsigned number, const char *type,
		    struct gw_error *error)
{
	return base_buffer_append_format(
		out, error, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"/>\n", name,
		8 * vm_register_bytes(number), type, number);
}

static int describe_whole_numbers(struct base_buffer *out, struct gw_error *error)
{
	int code = begin_feature(out, "org.gnu.gdb.riscv.cpu", error);

	for (unsigned number = 0; code == 0 && number < VM_REGISTERS; number++)
		code = describe(out, x_names[number], number, "int", error);
	if (code == 0)
		code = describe(out, "pc", VM_REGISTER_PC, "code_ptr", error);
	return code < 0 ? code : end_feature(out, error);
}

static int describe_floats(struct base_buffer *out, struct gw_error *error)
{
	int code = begin_feature(out, "org.gnu.gdb.riscv.fpu", error);

	for (unsigned number = 0; code == 0 && number < VM_REGISTERS; number++)
		code = describe(out, f_names[number], FIRST_F + number, "ieee_double", error);
	for (unsigned at = 0; code == 0 && at < FLOAT_CONTROLS; at++)
		code = describe(out, controls[at].name, FIRST_CSR + at, "int", error);
	return code < 0 ? code : end_feature(out, error);
}

static int describe_controls(struct base_buffer *out, struct gw_error *error)
{
	int code = begin_feature(out, "org.gnu.gdb.riscv.csr", error);

	for (unsigned at = FLOAT_CONTROLS; code == 0 && at < CONTROLS; at++)
		code = describe(out, controls[at].name, FIRST_CSR + at, "int", error);
	return code < 0 ? code : end_feature(out, error);
}

static int describe_others(struct base_buffer *out, struct gw_error *error)
{
	int code = begin_feature(out, "org.gnu.gdb.riscv.virtual", error);

	if (code == 0)
		code = describe(out, "priv", PRIV, "int", error);
	if (code == 0)
		code = end_feature(out, error);
	if (code == 0)
		code = begin_feature(out, "groundwork.machine", error);
	if (code == 0)
		code = describe(out, "count", COUNT, "int", error);
	if (code == 0)
		code = describe(out, "ticks", TICKS, "int", error);
	return code < 0 ? code : end_feature(out, error);
}

int vm_registers_describe(struct base_buffer *out, struct gw_error *error)
{
	int code = base_buffer_append_string(
		out,
		"<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
		"<target version=\"1.0\">\n<architecture>riscv:rv64</architecture>\n",
		error);

	if (code == 0)
		code = describe_whole_numbers(out, error);
	if (code == 0)
		code = describe_floats(out, error);
	if (code == 0)
		code = describe_controls(out, error);
	if (code == 0)
		code = describe_others(out, error);
	return code < 0 ? code : base_buffer_append_string(out, "</target>\n", error);
}
