/* SPDX-License-Identifier: Apache-2.0 */
/*
 * soft_float_test.c - arithmetic in integers beside the host's in all the modes it has; what it
 * does not have (ties away from zero) by what must be true of it.
 */
#include "soft_float.h"
#include "support/unit.h"

#include <fenv.h>
#include <math.h>

enum { ROUNDS = 200000 };

#if defined(__x86_64__) || defined(__riscv)
enum { COMPARED_FLAGS = 31 };
#else
enum { COMPARED_FLAGS = 31 & ~SOFT_UNDERFLOW }; /* tininess may be seen before rounding */
#endif

static uint64_t draw_double(uint64_t *random)
{
	static const uint64_t special[] = {
		0, UINT64_C(1) << 63, 1, 0x000fffffffffffff, 0x0010000000000000,
		0x7fefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000, 0x3ff0000000000000,
		0x7ff8000000000000, 0x7ff0000000000001, 0x0010000000000001, 0x3fefffffffffffff,
	};
	uint64_t raw = test_random(random);

	switch (test_pick(random, 6)) {
	case 0:
		return special[test_pick(random, sizeof(special) / sizeof(special[0]))];
	case 1: /* near one, few bits: sums that cancel, ties */
		return (raw & UINT64_C(0x800ff00000000000)) | UINT64_C(0x3fe0000000000000);
	case 2: /* tiny */
		return raw & UINT64_C(0x803fffffffffffff);
	case 3: /* huge */
		return raw | UINT64_C(0x7fc0000000000000);
	}
	return raw;
}

static uint64_t draw_single(uint64_t *random)
{
	uint64_t raw = draw_double(random);

	return (raw >> 32 & 0xc0000000) | (raw >> 29 & 0x3fffffff);
}

static unsigned raised(void)
{
	int flags = fetestexcept(FE_ALL_EXCEPT);

	return (flags & FE_INEXACT ? SOFT_INEXACT : 0u) |
	       (flags & FE_UNDERFLOW ? SOFT_UNDERFLOW : 0u) |
	       (flags & FE_OVERFLOW ? SOFT_OVERFLOW : 0u) |
	       (flags & FE_DIVBYZERO ? SOFT_DIVIDE_BY_ZERO : 0u) |
	       (flags & FE_INVALID ? SOFT_INVALID : 0u);
}

static double as_double(uint64_t raw)
{
	double value;

	memcpy(&value, &raw, sizeof(value));
	return value;
}

static float as_single(uint64_t raw)
{
	uint32_t low = (uint32_t)raw;
	float value;

	memcpy(&value, &low, sizeof(value));
	return value;
}

static void same_double(uint64_t soft, uint64_t flags, double host, unsigned host_flags)
{
	uint64_t raw;

	memcpy(&raw, &host, sizeof(raw));
	assert_true(soft == (isnan(host) ? UINT64_C(0x7ff8000000000000) : raw));
	assert_int_equal(flags & COMPARED_FLAGS, host_flags & COMPARED_FLAGS);
}

static void same_single(uint64_t soft, uint64_t flags, float host, unsigned host_flags)
{
	uint32_t raw;

	memcpy(&raw, &host, sizeof(raw));
	assert_true(soft == (isnan(host) ? 0x7fc00000 : raw));
	assert_int_equal(flags & COMPARED_FLAGS, host_flags & COMPARED_FLAGS);
}

static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

/* One operation of the host's, its operands out of the compiler's sight. */
#define HOST(type, mode, expression)                                                        \
	({                                                                                  \
		volatile type host_result;                                                  \
                                                                                            \
		fesetround(modes[mode]);                                                    \
		feclearexcept(FE_ALL_EXCEPT);                                               \
		host_result = (expression);                                                 \
		flags_of_host = raised();                                                   \
		fesetround(FE_TONEAREST);                                                   \
		host_result;                                                                \
	})

static void doubles_are_the_hosts(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t one = draw_double(&random), two = draw_double(&random);
		uint64_t flags[5] = {0}, results[5];
		volatile double a = as_double(one), b = as_double(two);
		enum soft_rounding mode = (enum soft_rounding)test_pick(&random, 4);
		unsigned flags_of_host;
		double host;

		results[0] = soft_add(&soft_double, one, two, mode, &flags[0]);
		results[1] = soft_multiply(&soft_double, one, two, mode, &flags[1]);
		results[2] = soft_divide(&soft_double, one, two, mode, &flags[2]);
		results[3] = soft_square_root(&soft_double, one, mode, &flags[3]);
		results[4] = soft_convert(&soft_double, &soft_single, one, mode, &flags[4]);
		host = HOST(double, mode, a + b);
		same_double(results[0], flags[0], host, flags_of_host);
		host = HOST(double, mode, a * b);
		same_double(results[1], flags[1], host, flags_of_host);
		host = HOST(double, mode, a / b);
		same_double(results[2], flags[2], host, flags_of_host);
		host = HOST(double, mode, sqrt(a));
		same_double(results[3], flags[3], host, flags_of_host);
		same_single(results[4], flags[4], HOST(float, mode, (float)a), flags_of_host);
	}
}

static void singles_are_the_hosts(void **state)
{
	uint64_t random = 2;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t one = draw_single(&random), two = draw_single(&random);
		uint64_t flags[5] = {0}, results[5];
		volatile float a = as_single(one), b = as_single(two);
		enum soft_rounding mode = (enum soft_rounding)test_pick(&random, 4);
		unsigned flags_of_host;
		float host;

		results[0] = soft_add(&soft_single, one, two, mode, &flags[0]);
		results[1] = soft_multiply(&soft_single, one, two, mode, &flags[1]);
		results[2] = soft_divide(&soft_single, one, two, mode, &flags[2]);
		results[3] = soft_square_root(&soft_single, one, mode, &flags[3]);
		results[4] = soft_convert(&soft_single, &soft_double, one, mode, &flags[4]);
		host = HOST(float, mode, a + b);
		same_single(results[0], flags[0], host, flags_of_host);
		host = HOST(float, mode, a * b);
		same_single(results[1], flags[1], host, flags_of_host);
		host = HOST(float, mode, a / b);
		same_single(results[2], flags[2], host, flags_of_host);
		host = HOST(float, mode, sqrtf(a));
		same_single(results[3], flags[3], host, flags_of_host);
		same_double(results[4], flags[4], HOST(double, mode, (double)a), flags_of_host);
	}
}

static void fused_ones_are_the_hosts(void **state)
{
	uint64_t random = 3;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t one = draw_double(&random), two = draw_double(&random);
		uint64_t three = draw_double(&random), flags = 0, result;
		volatile double a = as_double(one), b = as_double(two), c = as_double(three);
		enum soft_rounding mode = (enum soft_rounding)test_pick(&random, 4);
		unsigned flags_of_host;
		double host;

		if (test_pick(&random, 2)) /* nearly what the product is */
			three = soft_multiply(&soft_double, one, two, SOFT_NEAREST_EVEN, &flags) ^
				(UINT64_C(1) << 63) ^ test_pick(&random, 4);
		c = as_double(three);
		flags = 0;
		result = soft_fused(&soft_double, one, two, three, mode, &flags);
		host = HOST(double, mode, fma(a, b, c));
		if ((isinf(a) && b == 0) || (a == 0 && isinf(b)))
			flags_of_host |= SOFT_INVALID; /* hosts differ if c is a NaN */
		same_double(result, flags, host, flags_of_host);
	}
}

/* Away from zero: one of the two neighbours, and only in a tie another than the even one. */
static void ties_go_away_from_zero(void **state)
{
	uint64_t random = 4;
	unsigned ties = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		/* Whole numbers of 60 bits or less, of which 24 fit: ties are frequent. */
		uint64_t number = test_random(&random) >> test_pick(&random, 60) &
				  ~((UINT64_C(1) << test_pick(&random, 40)) - 1);
		uint64_t flags = 0, away, even, down, up, cut;
		int bits = number ? 64 - __builtin_clzll(number) : 0;

		away = soft_from_integer(&soft_single, number, false, SOFT_NEAREST_AWAY, &flags);
		even = soft_from_integer(&soft_single, number, false, SOFT_NEAREST_EVEN, &flags);
		down = soft_from_integer(&soft_single, number, false, SOFT_DOWN, &flags);
		up = soft_from_integer(&soft_single, number, false, SOFT_UP, &flags);
		cut = bits > 24 ? number << (88 - bits) : 0; /* what does not fit, to the left */
		if (cut == UINT64_C(1) << 63) {
			assert_true(away == up);
			ties++;
		} else {
			assert_true(away == even);
		}
		assert_true(away == down || away == up);
		number = 0 - (number >> 1);
		away = soft_from_integer(&soft_single, number, true, SOFT_NEAREST_AWAY, &flags);
		even = soft_from_integer(&soft_single, 0 - number, true, SOFT_NEAREST_AWAY, &flags);
		assert_true(number == 0 || away == (even | UINT64_C(1) << 31));
	}
	assert_true(ties > ROUNDS / 100);
}

static void whole_numbers_saturate(void **state)
{
	static const struct {
		double from;
		unsigned bits;
		bool is_signed;
		uint64_t to;
		uint64_t flags;
	} rows[] = {
		{1.5, 32, true, 2, SOFT_INEXACT},
		{2.5, 32, true, 2, SOFT_INEXACT},
		{-1.5, 64, true, (uint64_t)-2, SOFT_INEXACT},
		{-0.25, 32, false, 0, SOFT_INEXACT},
		{-1, 32, false, 0, SOFT_INVALID},
		{-1, 64, false, 0, SOFT_INVALID},
		{4294967295.0, 32, false, UINT64_MAX, 0},
		{4294967296.0, 32, false, UINT64_MAX, SOFT_INVALID},
		{2147483648.0, 32, true, INT32_MAX, SOFT_INVALID},
		{-2147483648.0, 32, true, (uint64_t)INT32_MIN, 0},
		{-2147483649.0, 32, true, (uint64_t)INT32_MIN, SOFT_INVALID},
		{9223372036854775808.0, 64, true, INT64_MAX, SOFT_INVALID},
		{-9223372036854775808.0, 64, true, (uint64_t)INT64_MIN, 0},
		{9223372036854775808.0, 64, false, (uint64_t)INT64_MIN, 0},
		{18446744073709551616.0, 64, false, UINT64_MAX, SOFT_INVALID},
		{INFINITY, 32, true, INT32_MAX, SOFT_INVALID},
		{-INFINITY, 64, true, (uint64_t)INT64_MIN, SOFT_INVALID},
		{NAN, 32, true, INT32_MAX, SOFT_INVALID},
		{-NAN, 64, false, UINT64_MAX, SOFT_INVALID},
		{0, 64, true, 0, 0},
	};

	(void)state;
	for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
		uint64_t flags = 0, raw;

		memcpy(&raw, &rows[at].from, sizeof(raw));
		assert_true(soft_to_integer(&soft_double, raw, rows[at].bits, rows[at].is_signed,
					    SOFT_NEAREST_EVEN, &flags) == rows[at].to);
		assert_int_equal(flags, rows[at].flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_are_the_hosts),
		cmocka_unit_test(singles_are_the_hosts),
		cmocka_unit_test(fused_ones_are_the_hosts),
		cmocka_unit_test(ties_go_away_from_zero),
		cmocka_unit_test(whole_numbers_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
