/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_float_fixture.c - F and D by the host's own arithmetic, in the rounding mode that is
 * asked for. What hosts do differently (NaNs, what a fused multiplication says of infinity times
 * zero plus a NaN) is settled before; for what they do not have (ties away from zero; tininess
 * after rounding on some) soft_float is asked, which has its own tests.
 */
#include "oracle_fixture.h"
#include "soft_float.h"

#include <fenv.h>
#include <math.h>

#define FLOAT_BOX UINT64_C(0xffffffff00000000)

#if defined(__x86_64__) || defined(__riscv)
enum { TINY_AFTER_ROUNDING = 1 };
#else
enum { TINY_AFTER_ROUNDING = 0 };
#endif

enum { AWAY = 4 };

void oracle_float_dirty(struct oracle *oracle)
{
	oracle->csr[0x300] |= UINT64_C(3) << 13;
}

/* One operation while it is done. */
struct float_work {
	struct oracle *oracle;
	bool is_double;
	unsigned rounding;
	unsigned flags;
};

static double to_double(uint64_t raw)
{
	double value;

	memcpy(&value, &raw, sizeof(value));
	return value;
}

static float to_single(uint64_t raw)
{
	uint32_t low = raw >> 32 == UINT32_MAX ? (uint32_t)raw : 0x7fc00000;
	float value;

	memcpy(&value, &low, sizeof(value));
	return value;
}

static uint64_t from_double(double value)
{
	uint64_t raw;

	if (isnan(value))
		return UINT64_C(0x7ff8000000000000);
	memcpy(&raw, &value, sizeof(raw));
	return raw;
}

static uint64_t from_single(float value)
{
	uint32_t raw = 0x7fc00000;

	if (!isnan(value))
		memcpy(&raw, &value, sizeof(raw));
	return raw | FLOAT_BOX;
}

static const struct soft_format *format_of(const struct float_work *work)
{
	return work->is_double ? &soft_double : &soft_single;
}

/* The bits of a register as its format has them. */
static uint64_t plain_bits(const struct float_work *work, uint64_t raw)
{
	if (work->is_double)
		return raw;
	return raw >> 32 == UINT32_MAX ? (uint32_t)raw : 0x7fc00000;
}

static uint64_t boxed(const struct float_work *work, uint64_t bits)
{
	return work->is_double ? bits : bits | FLOAT_BOX;
}

static void begin(const struct float_work *work)
{
	static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD,
				    FE_TONEAREST};

	fesetround(modes[work->rounding]);
	feclearexcept(FE_ALL_EXCEPT);
}

static void end(struct float_work *work)
{
	int raised = fetestexcept(FE_ALL_EXCEPT);

	fesetround(FE_TONEAREST);
	work->flags |= (raised & FE_INEXACT ? 1 : 0) | (raised & FE_UNDERFLOW ? 2 : 0) |
		       (raised & FE_OVERFLOW ? 4 : 0) | (raised & FE_DIVBYZERO ? 8 : 0) |
		       (raised & FE_INVALID ? 16 : 0);
}

enum operation { ADD, SUBTRACT, MULTIPLY, DIVIDE, ROOT, FUSE };

static double host_double(enum operation operation, double one, double two, double three)
{
	volatile double a = one, b = two, c = three, result;

	switch (operation) {
	case ADD:
		result = a + b;
		break;
	case SUBTRACT:
		result = a - b;
		break;
	case MULTIPLY:
		result = a * b;
		break;
	case DIVIDE:
		result = a / b;
		break;
	case ROOT:
		result = sqrt(a);
		break;
	default:
		result = fma(a, b, c);
	}
	return result;
}

static float host_single(enum operation operation, float one, float two, float three)
{
	volatile float a = one, b = two, c = three, result;

	switch (operation) {
	case ADD:
		result = a + b;
		break;
	case SUBTRACT:
		result = a - b;
		break;
	case MULTIPLY:
		result = a * b;
		break;
	case DIVIDE:
		result = a / b;
		break;
	case ROOT:
		result = sqrtf(a);
		break;
	default:
		result = fmaf(a, b, c);
	}
	return result;
}

static uint64_t by_soft_float(const struct float_work *work, enum operation operation, uint64_t a,
			      uint64_t b, uint64_t c, uint64_t *flags)
{
	const struct soft_format *format = format_of(work);
	enum soft_rounding rounding = (enum soft_rounding)work->rounding;

	a = plain_bits(work, a);
	b = plain_bits(work, b);
	c = plain_bits(work, c);
	switch (operation) {
	case SUBTRACT:
		if (!soft_is_nan(format, b))
			b ^= soft_sign_bit(format);
		/* fallthrough */
	case ADD:
		return boxed(work, soft_add(format, a, b, rounding, flags));
	case MULTIPLY:
		return boxed(work, soft_multiply(format, a, b, rounding, flags));
	case DIVIDE:
		return boxed(work, soft_divide(format, a, b, rounding, flags));
	case ROOT:
		return boxed(work, soft_square_root(format, a, rounding, flags));
	default:
		return boxed(work, soft_fused(format, a, b, c, rounding, flags));
	}
}

static bool infinity_times_zero(const struct float_work *work, uint64_t a, uint64_t b)
{
	double one = work->is_double ? to_double(a) : to_single(a);
	double two = work->is_double ? to_double(b) : to_single(b);

	return (isinf(one) && two == 0) || (one == 0 && isinf(two));
}

static uint64_t compute(struct float_work *work, enum operation operation, uint64_t a, uint64_t b,
			uint64_t c)
{
	uint64_t flags = 0, result = by_soft_float(work, operation, a, b, c, &flags);

	if (work->rounding == AWAY) {
		work->flags |= (unsigned)flags;
		return result;
	}
	begin(work);
	if (work->is_double)
		result = from_double(
			host_double(operation, to_double(a), to_double(b), to_double(c)));
	else
		result = from_single(
			host_single(operation, to_single(a), to_single(b), to_single(c)));
	end(work);
	if (operation == FUSE && infinity_times_zero(work, a, b))
		work->flags |= 16;
	if (!TINY_AFTER_ROUNDING)
		work->flags = (work->flags & ~2u) | ((unsigned)flags & 2u);
	return result;
}

static void write_f(struct float_work *work, unsigned rd, uint64_t value)
{
	work->oracle->f[rd] = value;
	oracle_float_dirty(work->oracle);
}

static void write_x(struct float_work *work, unsigned rd, uint64_t value)
{
	if (rd)
		work->oracle->x[rd] = value;
}

/* ---- What does not round --------------------------------------------------------------------- */

static bool signaling(const struct float_work *work, uint64_t raw)
{
	uint64_t bits = plain_bits(work, raw);

	if (work->is_double)
		return isnan(to_double(raw)) && !(bits >> 51 & 1);
	return isnan(to_single(raw)) && !(bits >> 22 & 1);
}

static double as_double(const struct float_work *work, uint64_t raw)
{
	return work->is_double ? to_double(raw) : to_single(raw);
}

static uint64_t put_sign(const struct float_work *work, unsigned kind, uint64_t a, uint64_t b)
{
	uint64_t top = work->is_double ? UINT64_C(1) << 63 : UINT64_C(1) << 31;

	a = plain_bits(work, a);
	b = plain_bits(work, b);
	b = kind == 0 ? b : kind == 1 ? ~b : a ^ b;
	return boxed(work, (a & ~top) | (b & top));
}

static uint64_t least_or_greatest(struct float_work *work, bool greatest, uint64_t a, uint64_t b)
{
	double one = as_double(work, a), two = as_double(work, b);
	bool first;

	if (signaling(work, a) || signaling(work, b))
		work->flags |= 16;
	if (isnan(one) && isnan(two))
		return work->is_double ? from_double(NAN) : from_single(NAN);
	if (isnan(one) || isnan(two))
		first = isnan(two);
	else if (one == two)
		first = (bool)signbit(one) != greatest;
	else
		first = (one < two) != greatest;
	return first ? a : b;
}

static uint64_t compare(struct float_work *work, unsigned kind, uint64_t a, uint64_t b)
{
	double one = as_double(work, a), two = as_double(work, b);

	if (isnan(one) || isnan(two)) {
		if (kind != 2 || signaling(work, a) || signaling(work, b))
			work->flags |= 16;
		return 0;
	}
	return kind == 0 ? one <= two : kind == 1 ? one < two : one == two;
}

static uint64_t class_of(const struct float_work *work, uint64_t raw)
{
	double value = as_double(work, raw), least = work->is_double ? 0x1p-1022 : 0x1p-126;
	bool minus = signbit(value);

	if (isnan(value))
		return signaling(work, raw) ? 0x100 : 0x200;
	if (isinf(value))
		return minus ? 1 : 0x80;
	if (value == 0)
		return minus ? 8 : 0x10;
	if (fabs(value) < least)
		return minus ? 4 : 0x20;
	return minus ? 2 : 0x40;
}

/* ---- Conversions ----------------------------------------------------------------------------- */

/* A whole number; the host rounds to nearest meanwhile. */
static double rounded(const struct float_work *work, double value)
{
	switch (work->rounding) {
	case 0:
		return rint(value);
	case 1:
		return trunc(value);
	case 2:
		return floor(value);
	case 3:
		return ceil(value);
	default:
		return round(value);
	}
}

static uint64_t to_integer(struct float_work *work, uint64_t raw, unsigned kind)
{
	double value = as_double(work, raw), whole = rounded(work, value);
	double above = kind == 0 ? 0x1p31 : kind == 1 ? 0x1p32 : kind == 2 ? 0x1p63 : 0x1p64;
	double below = kind & 1 ? 0 : -above;

	if (isnan(value) || whole >= above || whole < below) {
		bool minus = !isnan(value) && signbit(value);

		work->flags |= 16;
		switch (kind) {
		case 0:
			return minus ? (uint64_t)INT64_MIN >> 32 | FLOAT_BOX : INT32_MAX;
		case 1:
			return minus ? 0 : UINT64_MAX;
		case 2:
			return minus ? (uint64_t)INT64_MIN : INT64_MAX;
		default:
			return minus ? 0 : UINT64_MAX;
		}
	}
	if (whole != value)
		work->flags |= 1;
	if (kind == 3)
		return (uint64_t)whole;
	if (kind == 1)
		return (uint64_t)(int64_t)(int32_t)(uint32_t)whole;
	return (uint64_t)(int64_t)whole;
}

static uint64_t from_integer(struct float_work *work, uint64_t x, unsigned kind)
{
	volatile int64_t number = kind == 0 ? (int32_t)x : kind == 1 ? (uint32_t)x : (int64_t)x;
	/* Compilers convert what has no sign by sums that only nearest rounds right. */
	bool large = kind == 3 && x >> 63;
	uint64_t result, flags = 0;

	if (work->rounding == AWAY) {
		result = soft_from_integer(format_of(work), kind == 3 ? x : (uint64_t)number,
					   kind != 3, SOFT_NEAREST_AWAY, &flags);
		work->flags |= (unsigned)flags;
		return boxed(work, result);
	}
	if (large)
		number = (int64_t)(x >> 1 | (x & 1));
	begin(work);
	if (work->is_double)
		result = from_double((double)number * (large ? 2 : 1));
	else
		result = from_single((float)number * (float)(large ? 2 : 1));
	end(work);
	return result;
}

static uint64_t other_format(struct float_work *work, uint64_t raw)
{
	volatile double wide;
	volatile float narrow;
	uint64_t flags = 0, soft;

	if (work->is_double) {
		narrow = to_single(raw);
		begin(work);
		wide = narrow;
		end(work);
		return from_double(wide);
	}
	soft = soft_convert(&soft_double, &soft_single, raw, (enum soft_rounding)work->rounding,
			    &flags);
	if (work->rounding == AWAY) {
		work->flags |= (unsigned)flags;
		return soft | FLOAT_BOX;
	}
	wide = to_double(raw);
	begin(work);
	narrow = (float)wide;
	end(work);
	if (!TINY_AFTER_ROUNDING)
		work->flags = (work->flags & ~2u) | ((unsigned)flags & 2u);
	return from_single(narrow);
}

/* ---- Decoding -------------------------------------------------------------------------------- */

static bool float_rest(struct float_work *work, uint32_t bits, uint64_t a, uint64_t b)
{
	struct oracle *oracle = work->oracle;
	unsigned rd = bits >> 7 & 31, rs2 = bits >> 20 & 31, funct3 = bits >> 12 & 7;
	uint64_t x = oracle->x[bits >> 15 & 31];

	switch (bits >> 27) {
	case 0x04:
		if (funct3 > 2)
			return oracle_illegal(oracle);
		write_f(work, rd, put_sign(work, funct3, a, b));
		return true;
	case 0x05:
		if (funct3 > 1)
			return oracle_illegal(oracle);
		write_f(work, rd, least_or_greatest(work, funct3, a, b));
		return true;
	case 0x14:
		if (funct3 > 2)
			return oracle_illegal(oracle);
		write_x(work, rd, compare(work, funct3, a, b));
		return true;
	case 0x1c:
		if (rs2 || funct3 > 1)
			return oracle_illegal(oracle);
		a = oracle->f[bits >> 15 & 31];
		if (funct3 == 0)
			write_x(work, rd,
				work->is_double ? a : (uint64_t)(int64_t)(int32_t)(uint32_t)a);
		else
			write_x(work, rd, class_of(work, a));
		return true;
	case 0x1e:
		if (rs2 || funct3)
			return oracle_illegal(oracle);
		write_f(work, rd, work->is_double ? x : (uint32_t)x | FLOAT_BOX);
		return true;
	}
	return oracle_illegal(oracle);
}

static bool float_rounding(struct float_work *work, uint32_t bits, uint64_t a, uint64_t b)
{
	struct oracle *oracle = work->oracle;
	unsigned rd = bits >> 7 & 31, rs2 = bits >> 20 & 31, kind = bits >> 27;
	uint64_t c = oracle->f[bits >> 27], top = work->is_double ? UINT64_C(1) << 63 : 1u << 31;

	if ((bits & 0x7f) != 0x53) {
		unsigned opcode = bits >> 2 & 3; /* fmadd, fmsub, fnmsub, fnmadd */

		a = boxed(work, plain_bits(work, a) ^ (opcode & 2 ? top : 0));
		c = boxed(work, plain_bits(work, c) ^ (opcode == 1 || opcode == 3 ? top : 0));
		write_f(work, rd, compute(work, FUSE, a, b, c));
		return true;
	}
	if ((kind == 0x08 && rs2 != !work->is_double) ||
	    (kind == 0x0b && rs2) || (kind >= 0x18 && rs2 > 3))
		return oracle_illegal(oracle);
	if (kind <= 3)
		write_f(work, rd, compute(work, (enum operation)(ADD + kind), a, b, 0));
	else if (kind == 0x0b)
		write_f(work, rd, compute(work, ROOT, a, 0, 0));
	else if (kind == 0x08)
		write_f(work, rd, other_format(work, a));
	else if (kind == 0x18)
		write_x(work, rd, to_integer(work, a, rs2));
	else
		write_f(work, rd, from_integer(work, oracle->x[bits >> 15 & 31], rs2));
	return true;
}

bool oracle_float(struct oracle *oracle, uint32_t bits)
{
	struct float_work work = {.oracle = oracle, .is_double = bits >> 25 & 1,
				  .rounding = bits >> 12 & 7};
	uint64_t a = oracle->f[bits >> 15 & 31], b = oracle->f[bits >> 20 & 31];
	unsigned kind = bits >> 27;
	bool rounds = (bits & 0x7f) != 0x53 || kind <= 3 || kind == 0x0b || kind == 0x08 ||
		      kind == 0x18 || kind == 0x1a;

	if (bits >> 26 & 1 || !(oracle->csr[0x300] >> 13 & 3))
		return oracle_illegal(oracle);
	if (rounds) {
		if (work.rounding == 7)
			work.rounding = (unsigned)oracle->csr[2];
		if (work.rounding > AWAY)
			return oracle_illegal(oracle);
	}
	if (!(rounds ? float_rounding : float_rest)(&work, bits, a, b))
		return false;
	if (work.flags & ~oracle->csr[1]) {
		oracle->csr[1] |= work.flags;
		oracle_float_dirty(oracle);
	}
	oracle->pc += 4;
	return true;
}
