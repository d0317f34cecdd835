/* SPDX-License-Identifier: Apache-2.0 */
/*
 * soft_float.h - IEEE 754 arithmetic in integers, as RISC-V wants it: canonical NaNs, tininess
 * after rounding, five rounding modes. Pure: the same everywhere.
 *
 * Numbers are the bits of their format, in the low bits of a uint64_t. Flags are added to *flags.
 */
#ifndef VM_CPU_SOFT_FLOAT_H
#define VM_CPU_SOFT_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

struct soft_format {
	unsigned precision; /* bits of a significand, the leading one included */
	unsigned exponent_bits;
};

extern const struct soft_format soft_single;
extern const struct soft_format soft_double;

enum soft_rounding {
	SOFT_NEAREST_EVEN,
	SOFT_TO_ZERO,
	SOFT_DOWN,
	SOFT_UP,
	SOFT_NEAREST_AWAY,
};

/* The bits of fflags. */
enum {
	SOFT_INEXACT = 1,
	SOFT_UNDERFLOW = 2,
	SOFT_OVERFLOW = 4,
	SOFT_DIVIDE_BY_ZERO = 8,
	SOFT_INVALID = 16,
};

uint64_t soft_sign_bit(const struct soft_format *format);
uint64_t soft_canonical_nan(const struct soft_format *format);
bool soft_is_nan(const struct soft_format *format, uint64_t a);
bool soft_is_signaling(const struct soft_format *format, uint64_t a);

/* a * b + c, rounded once. Sums and products are made of it too. */
uint64_t soft_fused(const struct soft_format *format, uint64_t a, uint64_t b, uint64_t c,
		    enum soft_rounding rounding, uint64_t *flags);
uint64_t soft_add(const struct soft_format *format, uint64_t a, uint64_t b,
		  enum soft_rounding rounding, uint64_t *flags);
uint64_t soft_multiply(const struct soft_format *format, uint64_t a, uint64_t b,
		       enum soft_rounding rounding, uint64_t *flags);
uint64_t soft_divide(const struct soft_format *format, uint64_t a, uint64_t b,
		     enum soft_rounding rounding, uint64_t *flags);
uint64_t soft_square_root(const struct soft_format *format, uint64_t a,
			  enum soft_rounding rounding, uint64_t *flags);

uint64_t soft_convert(const struct soft_format *from, const struct soft_format *to, uint64_t a,
		      enum soft_rounding rounding, uint64_t *flags);
/* Whole numbers of 32 or 64 bits; `a` is extended by its sign if it has one. */
uint64_t soft_from_integer(const struct soft_format *format, uint64_t a, bool is_signed,
			   enum soft_rounding rounding, uint64_t *flags);
/* Out of range: the nearest there is, and invalid alone. Extended by the sign of bit 31 or 63. */
uint64_t soft_to_integer(const struct soft_format *format, uint64_t a, unsigned bits,
			 bool is_signed, enum soft_rounding rounding, uint64_t *flags);

/* Neither may be a NaN. */
bool soft_less(const struct soft_format *format, uint64_t a, uint64_t b);
bool soft_equal(const struct soft_format *format, uint64_t a, uint64_t b);
/* The ten bits of fclass. */
uint64_t soft_class(const struct soft_format *format, uint64_t a);

#endif
