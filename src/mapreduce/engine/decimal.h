/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal.h - a number as text, faster than printf by an order of magnitude: most of the output of
 * a job that counts is made here.
 */
#ifndef MR_DECIMAL_H
#define MR_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MR_DECIMAL_MAX = 20 }; /* "-9223372036854775808" */

/* Writes number in decimal to out, which has MR_DECIMAL_MAX bytes; returns how many were used. */
static inline size_t mr_decimal(char *out, int64_t number)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[MR_DECIMAL_MAX];
	size_t at = sizeof digits;

	/* From the end, two digits a division. */
	while (rest >= 100) {
		at -= 2;
		memcpy(digits + at, pairs + rest % 100 * 2, 2);
		rest /= 100;
	}
	if (rest >= 10) {
		at -= 2;
		memcpy(digits + at, pairs + rest * 2, 2);
	} else {
		digits[--at] = (char)('0' + rest);
	}
	if (number < 0)
		digits[--at] = '-';
	memcpy(out, digits + at, sizeof digits - at);
	return sizeof digits - at;
}

#endif
