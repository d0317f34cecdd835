/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - the instructions of F and D by soft_float.h, one small function each kind. FS becomes
 * dirty when a register of f is written or fflags change, and only then.
 */
#include "execute.h"
#include "memory.h"
#include "soft_float.h"

#include <assert.h>

#define BOX (UINT64_MAX << 32)

/* One instruction while it is carried out. */
struct work {
	struct vm_cpu *cpu;
	const struct vm_op *op;
	const struct soft_format *format;
	uint64_t a, b; /* as the format reads them */
	enum soft_rounding rounding;
	uint64_t flags;
};

/* A single must be boxed; what is not is the canonical NaN. */
static uint64_t read_register(const struct vm_cpu *cpu, const struct soft_format *format,
			      unsigned number)
{
	uint64_t raw = cpu->f[number];

	if (format == &soft_double)
		return raw;
	return raw >= BOX ? raw & ~BOX : soft_canonical_nan(format);
}

static void write_f(struct work *work, const struct soft_format *format, uint64_t value)
{
	work->cpu->f[work->op->a] = format == &soft_single ? value | BOX : value;
	vm_float_dirty(work->cpu);
}

static void write_x(struct work *work, uint64_t value)
{
	work->cpu->x[work->op->a] = value;
}

static uint64_t opposite(const struct work *work, uint64_t a)
{
	return a ^ soft_sign_bit(work->format);
}

/* ---- Those that round ------------------------------------------------------------------------ */

static void add(struct work *work)
{
	write_f(work, work->format,
		soft_add(work->format, work->a, work->b, work->rounding, &work->flags));
}

static void subtract(struct work *work)
{
	uint64_t b = soft_is_nan(work->format, work->b) ? work->b : opposite(work, work->b);

	write_f(work, work->format,
		soft_add(work->format, work->a, b, work->rounding, &work->flags));
}

static void multiply(struct work *work)
{
	write_f(work, work->format,
		soft_multiply(work->format, work->a, work->b, work->rounding, &work->flags));
}

static void divide(struct work *work)
{
	write_f(work, work->format,
		soft_divide(work->format, work->a, work->b, work->rounding, &work->flags));
}

static void square_root(struct work *work)
{
	write_f(work, work->format,
		soft_square_root(work->format, work->a, work->rounding, &work->flags));
}

/* fmadd, fmsub, fnmsub, fnmadd: the signs of the product and of what is added. */
static void fuse(struct work *work, bool negate_product, bool negate_sum)
{
	unsigned number = (unsigned)work->op->immediate >> VM_OP_RS3_SHIFT & 31;
	uint64_t c = read_register(work->cpu, work->format, number);
	uint64_t a = negate_product ? opposite(work, work->a) : work->a;

	write_f(work, work->format,
		soft_fused(work->format, a, work->b, negate_sum ? opposite(work, c) : c,
			   work->rounding, &work->flags));
}

static void fmadd(struct work *work)
{
	fuse(work, false, false);
}

static void fmsub(struct work *work)
{
	fuse(work, false, true);
}

static void fnmsub(struct work *work)
{
	fuse(work, true, false);
}

static void fnmadd(struct work *work)
{
	fuse(work, true, true);
}

/* ---- Those that do not ----------------------------------------------------------------------- */

static void put_sign(struct work *work, uint64_t sign)
{
	uint64_t bit = soft_sign_bit(work->format);

	write_f(work, work->format, (work->a & ~bit) | (sign & bit));
}

static void fsgnj(struct work *work)
{
	put_sign(work, work->b);
}

static void fsgnjn(struct work *work)
{
	put_sign(work, ~work->b);
}

static void fsgnjx(struct work *work)
{
	put_sign(work, work->a ^ work->b);
}

static void note_signaling(struct work *work)
{
	if (soft_is_signaling(work->format, work->a) || soft_is_signaling(work->format, work->b))
		work->flags |= SOFT_INVALID;
}

/* -0 is less than +0 here; a number wins over a NaN. */
static void choose(struct work *work, bool less)
{
	const struct soft_format *format = work->format;
	bool a_is_less = soft_equal(format, work->a, work->b)
				 ? (work->a & soft_sign_bit(format)) != 0
				 : soft_less(format, work->a, work->b);

	note_signaling(work);
	if (soft_is_nan(format, work->a) && soft_is_nan(format, work->b))
		write_f(work, format, soft_canonical_nan(format));
	else if (soft_is_nan(format, work->a))
		write_f(work, format, work->b);
	else if (soft_is_nan(format, work->b))
		write_f(work, format, work->a);
	else
		write_f(work, format, a_is_less == less ? work->a : work->b);
}

static void least(struct work *work)
{
	choose(work, true);
}

static void greatest(struct work *work)
{
	choose(work, false);
}

static bool unordered(const struct work *work)
{
	return soft_is_nan(work->format, work->a) || soft_is_nan(work->format, work->b);
}

static void feq(struct work *work)
{
	note_signaling(work);
	write_x(work, !unordered(work) && soft_equal(work->format, work->a, work->b));
}

static void flt(struct work *work)
{
	if (unordered(work))
		work->flags |= SOFT_INVALID;
	write_x(work, !unordered(work) && soft_less(work->format, work->a, work->b));
}

static void fle(struct work *work)
{
	if (unordered(work))
		work->flags |= SOFT_INVALID;
	write_x(work, !unordered(work) && (soft_less(work->format, work->a, work->b) ||
					   soft_equal(work->format, work->a, work->b)));
}

static void fclass(struct work *work)
{
	write_x(work, soft_class(work->format, work->a));
}

/* ---- Conversions and moves ------------------------------------------------------------------- */

/* rs2 of these says which whole number is meant: bit 0 unsigned, bit 1 of 64 bits. */
static void to_integer(struct work *work)
{
	write_x(work, soft_to_integer(work->format, work->a, work->op->c & 2 ? 64 : 32,
				      !(work->op->c & 1), work->rounding, &work->flags));
}

static void from_integer(struct work *work)
{
	uint64_t number = work->cpu->x[work->op->b];
	bool is_signed = !(work->op->c & 1);

	if (!(work->op->c & 2))
		number = is_signed ? (uint64_t)(int64_t)(int32_t)number : (uint32_t)number;
	write_f(work, work->format,
		soft_from_integer(work->format, number, is_signed, work->rounding, &work->flags));
}

static void to_single(struct work *work)
{
	uint64_t raw = work->cpu->f[work->op->b];

	write_f(work, &soft_single,
		soft_convert(&soft_double, &soft_single, raw, work->rounding, &work->flags));
}

static void to_double(struct work *work)
{
	uint64_t single = read_register(work->cpu, &soft_single, work->op->b);

	write_f(work, &soft_double,
		soft_convert(&soft_single, &soft_double, single, work->rounding, &work->flags));
}

static void move_to_x(struct work *work)
{
	uint64_t raw = work->cpu->f[work->op->b];

	write_x(work, work->format == &soft_single ? (uint64_t)(int64_t)(int32_t)raw : raw);
}

static void move_from_x(struct work *work)
{
	write_f(work, work->format, work->cpu->x[work->op->b]);
}

/* ---- All of them ----------------------------------------------------------------------------- */

#define BOTH(name, function)                                                                \
	[VM_##name##_S] = {&soft_single, function}, [VM_##name##_D] = {&soft_double, function}

static const struct {
	const struct soft_format *format;
	void (*carry_out)(struct work *work);
} table[VM_INSTRUCTIONS] = {
	BOTH(FADD, add),
	BOTH(FSUB, subtract),
	BOTH(FMUL, multiply),
	BOTH(FDIV, divide),
	BOTH(FSQRT, square_root),
	BOTH(FMADD, fmadd),
	BOTH(FMSUB, fmsub),
	BOTH(FNMSUB, fnmsub),
	BOTH(FNMADD, fnmadd),
	BOTH(FSGNJ, fsgnj),
	BOTH(FSGNJN, fsgnjn),
	BOTH(FSGNJX, fsgnjx),
	BOTH(FMIN, least),
	BOTH(FMAX, greatest),
	BOTH(FEQ, feq),
	BOTH(FLT, flt),
	BOTH(FLE, fle),
	BOTH(FCLASS, fclass),
	BOTH(FCVT_W, to_integer),
	BOTH(FCVT_WU, to_integer),
	BOTH(FCVT_L, to_integer),
	BOTH(FCVT_LU, to_integer),
	[VM_FCVT_S_W] = {&soft_single, from_integer},
	[VM_FCVT_S_WU] = {&soft_single, from_integer},
	[VM_FCVT_S_L] = {&soft_single, from_integer},
	[VM_FCVT_S_LU] = {&soft_single, from_integer},
	[VM_FCVT_D_W] = {&soft_double, from_integer},
	[VM_FCVT_D_WU] = {&soft_double, from_integer},
	[VM_FCVT_D_L] = {&soft_double, from_integer},
	[VM_FCVT_D_LU] = {&soft_double, from_integer},
	[VM_FCVT_S_D] = {&soft_single, to_single},
	[VM_FCVT_D_S] = {&soft_double, to_double},
	[VM_FMV_X_W] = {&soft_single, move_to_x},
	[VM_FMV_X_D] = {&soft_double, move_to_x},
	[VM_FMV_W_X] = {&soft_single, move_from_x},
	[VM_FMV_D_X] = {&soft_double, move_from_x},
};

/* Instructions in which these bits are the rounding mode. */
static bool rounds(enum vm_instruction name)
{
	static const bool table_of[VM_INSTRUCTIONS] = {
#define ROUNDS_FLOAT 1
#define ROUNDS_FLOATXR 1
#define ROUNDS_FLOAT0 0
#define ROUNDS_FLOATX 0
#define ROUNDS_FUSED 1
#define ROUNDS(name, match, mask, format, handler) [VM_##name] = ROUNDS_##format,
		VM_FLOAT_TABLE(ROUNDS)
		VM_FUSED_TABLE(ROUNDS)
#undef ROUNDS
	};

	return table_of[name];
}

bool vm_float(struct vm_cpu *cpu, const struct vm_op *op)
{
	enum vm_instruction name = vm_op_name(op);
	unsigned rounding = (unsigned)op->immediate >> VM_OP_RM_SHIFT & 7;
	struct work work = {.cpu = cpu, .op = op, .format = table[name].format};

	assert(work.format);
	if (!(cpu->mstatus & VM_STATUS_FS))
		return vm_raise_illegal(cpu);
	if (rounds(name)) {
		if (rounding == 7)
			rounding = (unsigned)cpu->frm;
		if (rounding > SOFT_NEAREST_AWAY)
			return vm_raise_illegal(cpu);
		work.rounding = rounding;
	}
	work.a = read_register(cpu, work.format, op->b & 31);
	work.b = read_register(cpu, work.format, op->c & 31);
	table[name].carry_out(&work);
	if (work.flags & ~cpu->fflags) {
		cpu->fflags |= work.flags;
		vm_float_dirty(cpu);
	}
	return true;
}
