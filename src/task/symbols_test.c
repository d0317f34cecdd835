/* SPDX-License-Identifier: Apache-2.0 */
/* symbols_test.c - functions of this program have names, those of broken files have none. */
#include "task/symbols.h"

#include "support/unit.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

static __attribute__((noinline)) void *here(void)
{
	return __builtin_return_address(0);
}

/* Called through a pointer, so that nothing is put into something else. */
static __attribute__((noinline)) void *a_static_function(void *(*volatile call)(void))
{
	void *address = call();

	__asm__ volatile("" : "+r"(address));
	return address;
}

static void a_static_function_has_its_name(void **state)
{
	struct task_symbols symbols = {0};
	char text[256];

	(void)state;
	task_symbols_describe(&symbols, a_static_function(here), text, sizeof(text));
	assert_memory_equal(text, "a_static_function", strlen("a_static_function"));
	assert_non_null(strstr(text, "symbols_test"));
	assert_int_equal(symbols.count, 1);
	task_symbols_describe(&symbols, a_static_function(here), text, 8);
	assert_string_equal(text, "a_stati");
	assert_int_equal(symbols.count, 1);
	task_symbols_done(&symbols);
}

static void an_address_of_nothing_is_a_number(void **state)
{
	struct task_symbols symbols = {0};
	char text[64], wanted[64];
	int local = 0;

	(void)state;
	task_symbols_describe(&symbols, &local, text, sizeof(text));
	snprintf(wanted, sizeof(wanted), "%p", (void *)&local);
	assert_string_equal(text, wanted);
	task_symbols_done(&symbols);
}

/* The first bytes of this program's own file. */
static uint8_t *read_self(size_t *size)
{
	FILE *file = fopen("/proc/self/exe", "r");
	uint8_t *bytes = malloc(16 << 20);

	assert_non_null(file);
	assert_non_null(bytes);
	*size = fread(bytes, 1, 16 << 20, file);
	fclose(file);
	return bytes;
}

static void a_broken_file_gives_no_names(void **state)
{
	size_t size;
	uint8_t *bytes = read_self(&size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	Elf64_Off sections = header->e_shoff;
	uint64_t offset;

	(void)state;
	for (size_t cut = 0; cut < 200; cut++)
		assert_null(task_symbols_find(bytes, cut, 0x1000, &offset));
	assert_null(task_symbols_find(bytes, (size_t)sections, 0x1000, &offset));
	header->e_shoff = UINT64_MAX - 7;
	assert_null(task_symbols_find(bytes, size, 0x1000, &offset));
	header->e_shoff = sections;
	header->e_ident[0] = 'x';
	assert_null(task_symbols_find(bytes, size, 0x1000, &offset));
	free(bytes);
}

static void a_damaged_byte_does_no_harm(void **state)
{
	size_t size;
	uint8_t *bytes = read_self(&size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	size_t begin = (size_t)header->e_shoff;
	uint64_t seed = 7, offset;

	(void)state;
	for (int i = 0; i < 300; i++) {
		/* In the headers of sections, or of the file. */
		size_t at = i % 3 ? begin + test_pick(&seed, size - begin) : test_pick(&seed, 64);
		uint8_t before = bytes[at];
		const char *name;

		bytes[at] = (uint8_t)test_random(&seed);
		name = task_symbols_find(bytes, size, 0x1000 + test_pick(&seed, 4096), &offset);
		assert_true(!name || strlen(name) < size);
		bytes[at] = before;
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_static_function_has_its_name),
		cmocka_unit_test(an_address_of_nothing_is_a_number),
		cmocka_unit_test(a_broken_file_gives_no_names),
		cmocka_unit_test(a_damaged_byte_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
