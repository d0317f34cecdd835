/* SPDX-License-Identifier: Apache-2.0 */
/*
 * soft_float.c - numbers are taken apart into sign, exponent and a significand of 64 bits whose
 * highest is one, and put together again by one function that rounds. Bits that fall off at the
 * right are remembered in the lowest one ("jammed"), which is all that rounding wants to know of
 * them.
 */
#include "soft_float.h"

#include <assert.h>

typedef unsigned __int128 u128;

const struct soft_format soft_single = {24, 8};
const struct soft_format soft_double = {53, 11};

/* value = significand / 2^63 * 2^exponent; zero has significand 0. */
struct number {
	bool negative;
	int exponent;
	uint64_t significand;
};

static unsigned width(const struct soft_format *format)
{
	return format->precision + format->exponent_bits;
}

static int exponent_max(const struct soft_format *format)
{
	return (1 << (format->exponent_bits - 1)) - 1;
}

static int exponent_min(const struct soft_format *format)
{
	return 1 - exponent_max(format);
}

static uint64_t fraction(const struct soft_format *format, uint64_t a)
{
	return a & ((UINT64_C(1) << (format->precision - 1)) - 1);
}

static int biased(const struct soft_format *format, uint64_t a)
{
	return (int)(a >> (format->precision - 1)) & ((1 << format->exponent_bits) - 1);
}

static uint64_t infinity(const struct soft_format *format)
{
	return ((UINT64_C(1) << format->exponent_bits) - 1) << (format->precision - 1);
}

uint64_t soft_sign_bit(const struct soft_format *format)
{
	return UINT64_C(1) << (width(format) - 1);
}

uint64_t soft_canonical_nan(const struct soft_format *format)
{
	return infinity(format) | UINT64_C(1) << (format->precision - 2);
}

static uint64_t magnitude(const struct soft_format *format, uint64_t a)
{
	return a & (soft_sign_bit(format) - 1);
}

static bool negative(const struct soft_format *format, uint64_t a)
{
	return a & soft_sign_bit(format);
}

static bool is_infinite(const struct soft_format *format, uint64_t a)
{
	return magnitude(format, a) == infinity(format);
}

bool soft_is_nan(const struct soft_format *format, uint64_t a)
{
	return magnitude(format, a) > infinity(format);
}

bool soft_is_signaling(const struct soft_format *format, uint64_t a)
{
	return soft_is_nan(format, a) && !(a >> (format->precision - 2) & 1);
}

static uint64_t invalid(const struct soft_format *format, uint64_t *flags)
{
	*flags |= SOFT_INVALID;
	return soft_canonical_nan(format);
}

static uint64_t with_sign(const struct soft_format *format, bool sign, uint64_t a)
{
	return sign ? a | soft_sign_bit(format) : a;
}

/* ---- Apart and together ---------------------------------------------------------------------- */

/* Shifts right; what falls off is jammed. */
static uint64_t shift_right(uint64_t number, int by)
{
	if (by <= 0)
		return number;
	if (by > 63)
		return number != 0;
	return number >> by | (number << (64 - by) != 0);
}

static u128 shift_right_wide(u128 number, int by)
{
	if (by <= 0)
		return number;
	if (by > 127)
		return number != 0;
	return number >> by | (number << (128 - by) != 0);
}

/* A finite number. */
static struct number unpack(const struct soft_format *format, uint64_t a)
{
	struct number number = {.negative = negative(format, a)};
	int shift;

	number.significand = fraction(format, a);
	number.exponent = biased(format, a) - exponent_max(format);
	if (biased(format, a) != 0)
		number.significand |= UINT64_C(1) << (format->precision - 1);
	else
		number.exponent = exponent_min(format);
	if (number.significand == 0)
		return number;
	shift = __builtin_clzll(number.significand);
	number.significand <<= shift;
	number.exponent += 64 - (int)format->precision - shift;
	return number;
}

/* Whether the part that is cut off makes the kept one greater by one. */
static bool rounds_up(enum soft_rounding rounding, bool sign, bool odd, uint64_t cut, uint64_t half)
{
	switch (rounding) {
	case SOFT_NEAREST_EVEN:
		return cut > half || (cut == half && odd);
	case SOFT_TO_ZERO:
		return false;
	case SOFT_DOWN:
		return sign && cut;
	case SOFT_UP:
		return !sign && cut;
	case SOFT_NEAREST_AWAY:
		return cut >= half;
	}
	assert(!"a rounding mode");
	return false;
}

static uint64_t overflow(const struct soft_format *format, bool sign, enum soft_rounding rounding,
			 uint64_t *flags)
{
	bool away = rounding == SOFT_NEAREST_EVEN || rounding == SOFT_NEAREST_AWAY ||
		    (rounding == SOFT_DOWN && sign) || (rounding == SOFT_UP && !sign);

	*flags |= SOFT_OVERFLOW | SOFT_INEXACT;
	return with_sign(format, sign, infinity(format) - !away);
}

/* Rounds a number into a format. */
static uint64_t pack(const struct soft_format *format, struct number number,
		     enum soft_rounding rounding, uint64_t *flags)
{
	unsigned cut_bits = 64 - format->precision;
	uint64_t half = UINT64_C(1) << (cut_bits - 1), mask = (half << 1) - 1;
	int least = exponent_min(format);
	uint64_t kept, cut;
	bool tiny;

	if (number.significand == 0)
		return with_sign(format, number.negative, 0);
	assert(number.significand >> 63);
	kept = number.significand >> cut_bits;
	cut = number.significand & mask;
	/* After rounding: with all its bits it would not reach the least normal number. */
	tiny = number.exponent < least - 1 ||
	       (number.exponent == least - 1 &&
		(kept != (UINT64_C(1) << format->precision) - 1 ||
		 !rounds_up(rounding, number.negative, true, cut, half)));
	if (number.exponent < least) {
		number.significand = shift_right(number.significand, least - number.exponent);
		number.exponent = least;
		kept = number.significand >> cut_bits;
		cut = number.significand & mask;
	}
	kept += rounds_up(rounding, number.negative, kept & 1, cut, half);
	if (kept >> format->precision) {
		kept >>= 1;
		number.exponent++;
	}
	if (number.exponent > exponent_max(format))
		return overflow(format, number.negative, rounding, flags);
	if (cut)
		*flags |= tiny ? SOFT_UNDERFLOW | SOFT_INEXACT : SOFT_INEXACT;
	/* The leading one of a normal number adds the one by which exponents differ. */
	kept += (uint64_t)(number.exponent - least) << (format->precision - 1);
	return with_sign(format, number.negative, kept);
}

/* ---- Arithmetic ------------------------------------------------------------------------------ */

/* The sum of two numbers whose significands have 128 bits, their highest at bit 125. */
static struct number add_wide(bool sign_a, int exponent_a, u128 a, bool sign_b, int exponent_b,
			      u128 b, enum soft_rounding rounding)
{
	struct number sum;
	u128 wide;
	int exponent = exponent_a > exponent_b ? exponent_a : exponent_b, up = 0;

	if (a == 0)
		exponent = exponent_b;
	else if (b == 0)
		exponent = exponent_a;
	a = a ? shift_right_wide(a, exponent - exponent_a) : 0;
	b = b ? shift_right_wide(b, exponent - exponent_b) : 0;
	sum.negative = sign_a;
	if (sign_a == sign_b) {
		wide = a + b;
	} else if (a == b) {
		wide = 0;
		sum.negative = rounding == SOFT_DOWN;
	} else {
		wide = a > b ? a - b : b - a;
		sum.negative = a > b ? sign_a : sign_b;
	}
	sum.significand = 0;
	sum.exponent = 0;
	if (wide == 0)
		return sum;
	while (!(wide >> 127)) {
		wide <<= 1;
		up++;
	}
	sum.exponent = exponent + 2 - up;
	sum.significand = (uint64_t)(wide >> 64) | ((uint64_t)wide != 0);
	return sum;
}

static u128 widen(uint64_t significand)
{
	return (u128)significand << 62;
}

uint64_t soft_fused(const struct soft_format *format, uint64_t a, uint64_t b, uint64_t c,
		    enum soft_rounding rounding, uint64_t *flags)
{
	bool sign = negative(format, a) != negative(format, b);
	struct number x, y, z, sum;
	u128 product;
	int exponent;

	if ((is_infinite(format, a) && magnitude(format, b) == 0) ||
	    (is_infinite(format, b) && magnitude(format, a) == 0))
		return invalid(format, flags); /* whatever c is */
	if (soft_is_signaling(format, a) || soft_is_signaling(format, b) ||
	    soft_is_signaling(format, c))
		return invalid(format, flags);
	if (soft_is_nan(format, a) || soft_is_nan(format, b) || soft_is_nan(format, c))
		return soft_canonical_nan(format);
	if (is_infinite(format, a) || is_infinite(format, b)) {
		if (is_infinite(format, c) && negative(format, c) != sign)
			return invalid(format, flags);
		return with_sign(format, sign, infinity(format));
	}
	if (is_infinite(format, c))
		return c;
	x = unpack(format, a);
	y = unpack(format, b);
	z = unpack(format, c);
	product = (u128)x.significand * y.significand;
	exponent = x.exponent + y.exponent + 1; /* of bit 127 */
	if (product && !(product >> 127)) {
		product <<= 1;
		exponent--;
	}
	/* Significands of at most 53 bits leave the low ones empty. */
	assert((product & 3) == 0);
	sum = add_wide(sign, exponent, product >> 2, z.negative, z.exponent, widen(z.significand),
		       rounding);
	return pack(format, sum, rounding, flags);
}

static uint64_t one(const struct soft_format *format)
{
	return (uint64_t)exponent_max(format) << (format->precision - 1);
}

uint64_t soft_add(const struct soft_format *format, uint64_t a, uint64_t b,
		  enum soft_rounding rounding, uint64_t *flags)
{
	return soft_fused(format, a, one(format), b, rounding, flags);
}

uint64_t soft_multiply(const struct soft_format *format, uint64_t a, uint64_t b,
		       enum soft_rounding rounding, uint64_t *flags)
{
	/* A zero of the product's sign changes nothing. */
	return soft_fused(format, a, b, (a ^ b) & soft_sign_bit(format), rounding, flags);
}

uint64_t soft_divide(const struct soft_format *format, uint64_t a, uint64_t b,
		     enum soft_rounding rounding, uint64_t *flags)
{
	bool sign = negative(format, a) != negative(format, b);
	struct number x, y, quotient = {.negative = sign};
	u128 dividend;

	if (soft_is_signaling(format, a) || soft_is_signaling(format, b))
		return invalid(format, flags);
	if (soft_is_nan(format, a) || soft_is_nan(format, b))
		return soft_canonical_nan(format);
	if (is_infinite(format, a))
		return is_infinite(format, b) ? invalid(format, flags)
					      : with_sign(format, sign, infinity(format));
	if (is_infinite(format, b))
		return with_sign(format, sign, 0);
	if (magnitude(format, b) == 0) {
		if (magnitude(format, a) == 0)
			return invalid(format, flags);
		*flags |= SOFT_DIVIDE_BY_ZERO;
		return with_sign(format, sign, infinity(format));
	}
	if (magnitude(format, a) == 0)
		return with_sign(format, sign, 0);
	x = unpack(format, a);
	y = unpack(format, b);
	quotient.exponent = x.exponent - y.exponent;
	if (x.significand < y.significand) {
		quotient.exponent--;
		dividend = (u128)x.significand << 64;
	} else {
		dividend = (u128)x.significand << 63;
	}
	quotient.significand = (uint64_t)(dividend / y.significand);
	quotient.significand |= dividend % y.significand != 0;
	return pack(format, quotient, rounding, flags);
}

uint64_t soft_square_root(const struct soft_format *format, uint64_t a,
			  enum soft_rounding rounding, uint64_t *flags)
{
	struct number x, root = {0};
	u128 rest, square;

	if (soft_is_signaling(format, a))
		return invalid(format, flags);
	if (soft_is_nan(format, a))
		return soft_canonical_nan(format);
	if (magnitude(format, a) == 0)
		return a;
	if (negative(format, a))
		return invalid(format, flags);
	if (is_infinite(format, a))
		return a;
	x = unpack(format, a);
	/* value = square / 2^126 * 2^(2 * root.exponent), square of 127 or 128 bits. */
	square = (u128)x.significand << (x.exponent & 1 ? 64 : 63);
	root.exponent = (x.exponent - (x.exponent & 1)) / 2;
	rest = square;
	for (int bit = 63; bit >= 0; bit--) {
		u128 step = ((u128)root.significand << (bit + 1)) + ((u128)1 << (2 * bit));

		if (rest >= step) {
			rest -= step;
			root.significand |= UINT64_C(1) << bit;
		}
	}
	root.significand |= rest != 0;
	return pack(format, root, rounding, flags);
}

/* ---- Conversions ----------------------------------------------------------------------------- */

uint64_t soft_convert(const struct soft_format *from, const struct soft_format *to, uint64_t a,
		      enum soft_rounding rounding, uint64_t *flags)
{
	if (soft_is_signaling(from, a))
		*flags |= SOFT_INVALID;
	if (soft_is_nan(from, a))
		return soft_canonical_nan(to);
	if (is_infinite(from, a))
		return with_sign(to, negative(from, a), infinity(to));
	return pack(to, unpack(from, a), rounding, flags);
}

uint64_t soft_from_integer(const struct soft_format *format, uint64_t a, bool is_signed,
			   enum soft_rounding rounding, uint64_t *flags)
{
	struct number number = {.negative = is_signed && a >> 63, .exponent = 63};
	int shift;

	if (a == 0)
		return 0;
	number.significand = number.negative ? 0 - a : a;
	shift = __builtin_clzll(number.significand);
	number.significand <<= shift;
	number.exponent -= shift;
	return pack(format, number, rounding, flags);
}

static uint64_t integer_limit(unsigned bits, bool is_signed, bool least)
{
	if (least)
		return is_signed ? UINT64_MAX << (bits - 1) : 0;
	if (is_signed)
		return (UINT64_C(1) << (bits - 1)) - 1;
	return UINT64_MAX; /* 32 bits are extended by their sign too */
}

uint64_t soft_to_integer(const struct soft_format *format, uint64_t a, unsigned bits,
			 bool is_signed, enum soft_rounding rounding, uint64_t *flags)
{
	bool sign = negative(format, a) && !soft_is_nan(format, a);
	struct number x;
	uint64_t whole, greatest;
	u128 wide;

	greatest = integer_limit(bits, is_signed, sign);
	if (soft_is_nan(format, a) || is_infinite(format, a)) {
		*flags |= SOFT_INVALID;
		return greatest;
	}
	x = unpack(format, a);
	if (x.exponent > 63) {
		*flags |= SOFT_INVALID;
		return greatest;
	}
	/* Units are bit 64, what is cut off below. */
	wide = shift_right_wide((u128)x.significand << 64, x.significand ? 63 - x.exponent : 0);
	whole = (uint64_t)(wide >> 64);
	wide = (uint64_t)wide;
	if (rounds_up(rounding, sign, whole & 1, (uint64_t)wide, UINT64_C(1) << 63)) {
		whole++;
		if (whole == 0) { /* 2^64 */
			*flags |= SOFT_INVALID;
			return greatest;
		}
	}
	if (sign ? whole > (is_signed ? UINT64_C(1) << (bits - 1) : 0)
		 : bits - is_signed < 64 && whole >> (bits - is_signed)) {
		*flags |= SOFT_INVALID;
		return greatest;
	}
	if (wide)
		*flags |= SOFT_INEXACT;
	if (sign)
		whole = 0 - whole;
	return bits == 32 ? (uint64_t)(int64_t)(int32_t)whole : whole;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

bool soft_equal(const struct soft_format *format, uint64_t a, uint64_t b)
{
	return a == b || (magnitude(format, a) == 0 && magnitude(format, b) == 0);
}

bool soft_less(const struct soft_format *format, uint64_t a, uint64_t b)
{
	if (soft_equal(format, a, b))
		return false;
	if (negative(format, a) != negative(format, b))
		return negative(format, a);
	return (a < b) != negative(format, a);
}

uint64_t soft_class(const struct soft_format *format, uint64_t a)
{
	bool sign = negative(format, a);

	if (soft_is_nan(format, a))
		return UINT64_C(1) << (soft_is_signaling(format, a) ? 8 : 9);
	if (is_infinite(format, a))
		return UINT64_C(1) << (sign ? 0 : 7);
	if (biased(format, a) != 0)
		return UINT64_C(1) << (sign ? 1 : 6);
	if (fraction(format, a) != 0)
		return UINT64_C(1) << (sign ? 2 : 5);
	return UINT64_C(1) << (sign ? 3 : 4);
}
