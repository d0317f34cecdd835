/* SPDX-License-Identifier: Apache-2.0 */
/* sort.c - see sort.h. */
#include "sort.h"

#include "pair.h"

#include <assert.h>

enum {
	INSERTION_MAX = 24,    /* entries that insertion sorts fastest */
	RADIX_BITS_MAX = 11,   /* counts of one distribution fit the first-level cache */
	RADIX_DEPTH_MAX = 128, /* bytes of key after which equal keys are more likely than order */
};

static void insertion_sort(struct mr_sort_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct mr_sort_entry entry = entries[i];
		size_t at = i;

		for (; at > 0 && entries[at - 1].prefix > entry.prefix; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

/* Bits that are worth distributing by: buckets of about four entries. */
static unsigned radix_bits(size_t count)
{
	unsigned bits = 61 - (unsigned)__builtin_clzll(count);

	return bits < RADIX_BITS_MAX ? bits : RADIX_BITS_MAX;
}

/* Sorts by prefix alone. */
static void sort_prefixes(struct mr_sort_entry *entries, struct mr_sort_entry *scratch,
			  size_t count)
{
	uint32_t ends[1 << RADIX_BITS_MAX];
	uint64_t differ = 0, mask;
	unsigned bits, shift, top;
	uint32_t sum = 0;

	if (count <= INSERTION_MAX) {
		insertion_sort(entries, count);
		return;
	}
	for (size_t i = 1; i < count; i++)
		differ |= entries[i].prefix ^ entries[0].prefix;
	if (!differ)
		return;
	top = 64 - (unsigned)__builtin_clzll(differ);
	bits = radix_bits(count) < top ? radix_bits(count) : top;
	assert(bits > 0 && bits <= RADIX_BITS_MAX && bits <= top);
	shift = top - bits;
	mask = (UINT64_C(1) << bits) - 1;
	memset(ends, 0, sizeof *ends << bits);
	for (size_t i = 0; i < count; i++)
		ends[entries[i].prefix >> shift & mask]++;
	for (size_t i = 0; i <= mask; i++) {
		uint32_t size = ends[i];

		ends[i] = sum;
		sum += size;
	}
	for (size_t i = 0; i < count; i++)
		scratch[ends[entries[i].prefix >> shift & mask]++] = entries[i];
	memcpy(entries, scratch, count * sizeof *entries);
	if (shift == 0)
		return;
	for (size_t i = 0, begin = 0; i <= mask; begin = ends[i], i++) {
		if (ends[i] - begin > 1)
			sort_prefixes(entries + begin, scratch, ends[i] - begin);
	}
}

static int compare_keys(void *context, const void *a, const void *b)
{
	mr_sort_key *const *key = context;

	return mr_compare_bytes((*key)(a), (*key)(b));
}

/* Keys that ended within the compared bytes come first, shortest first; the others get their next 8
 * bytes. Returns how many ended. */
static size_t split_ended(struct mr_sort_entry *entries, struct mr_sort_entry *scratch,
			  size_t count, size_t depth, mr_sort_key *key)
{
	size_t ended = 0, longer = 0;

	for (size_t i = 0; i < count; i++) {
		struct gw_bytes bytes = key(entries[i].item);

		if (bytes.size <= depth) {
			entries[ended] = entries[i];
			entries[ended++].prefix = bytes.size;
		} else {
			scratch[longer] = entries[i];
			scratch[longer++].prefix = mr_key_prefix(bytes, depth);
		}
	}
	assert(ended + longer == count);
	memcpy(entries + ended, scratch, longer * sizeof *entries);
	sort_prefixes(entries, scratch, ended);
	return ended;
}

void mr_sort(struct mr_sort_entry *entries, struct mr_sort_entry *scratch, size_t count,
	     size_t depth, mr_sort_key *key)
{
	size_t end;

	assert(count <= UINT32_MAX);
	sort_prefixes(entries, scratch, count);
	for (size_t begin = 0; begin < count; begin = end) {
		size_t ended;

		for (end = begin + 1; end < count; end++) {
			if (entries[end].prefix != entries[begin].prefix)
				break;
		}
		if (end - begin == 1)
			continue;
		if (depth >= RADIX_DEPTH_MAX) {
			mr_sort_by(entries + begin, scratch, end - begin, compare_keys, &key);
			continue;
		}
		ended = split_ended(entries + begin, scratch, end - begin, depth + 8, key);
		mr_sort(entries + begin + ended, scratch, end - begin - ended, depth + 8, key);
	}
}

static void insertion_sort_by(struct mr_sort_entry *entries, size_t count, mr_sort_compare *compare,
			      void *context)
{
	for (size_t i = 1; i < count; i++) {
		struct mr_sort_entry entry = entries[i];
		size_t at = i;

		for (; at > 0 && compare(context, entries[at - 1].item, entry.item) > 0; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

void mr_sort_by(struct mr_sort_entry *entries, struct mr_sort_entry *scratch, size_t count,
		mr_sort_compare *compare, void *context)
{
	size_t half = count / 2, left = 0, right = half, at = 0;

	if (count <= 8) {
		insertion_sort_by(entries, count, compare, context);
		return;
	}
	mr_sort_by(entries, scratch, half, compare, context);
	mr_sort_by(entries + half, scratch, count - half, compare, context);
	if (compare(context, entries[half - 1].item, entries[half].item) <= 0)
		return;
	memcpy(scratch, entries, half * sizeof *entries);
	while (left < half && right < count) {
		if (compare(context, scratch[left].item, entries[right].item) <= 0)
			entries[at++] = scratch[left++];
		else
			entries[at++] = entries[right++];
	}
	assert(at + (half - left) == right);
	memcpy(entries + at, scratch + left, (half - left) * sizeof *entries);
}
