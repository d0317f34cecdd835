/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_tree_test.c - the tree says what there is, in the bytes that kernels read.
 */
#include "device_tree.h"

#include "support/unit.h"

#include <libfdt.h>

static uint8_t seed[VM_SEED_BYTES] = {1, 2, 3};

static struct vm_tree whole(void)
{
	return (struct vm_tree){
		.ram_size = UINT64_C(5) << 30,
		.append = "console=ttyS0",
		.initrd = UINT64_C(0x180000000),
		.initrd_end = UINT64_C(0x180001234),
		.seed = seed,
		.virtio = {true, true, true},
	};
}

static const void *property(const void *fdt, const char *path, const char *name, int *size)
{
	int node = fdt_path_offset(fdt, path);
	const void *value = node < 0 ? NULL : fdt_getprop(fdt, node, name, size);

	if (!value)
		fail_msg("%s has no %s", path, name);
	return value;
}

static void expect_text(const void *fdt, const char *path, const char *name, const char *text)
{
	int size = 0;
	const char *value = property(fdt, path, name, &size);

	assert_int_equal(size, (int)strlen(text) + 1);
	assert_string_equal(value, text);
}

static uint64_t number64(const void *fdt, const char *path, const char *name, int at)
{
	int size = 0;
	const uint8_t *value = property(fdt, path, name, &size);

	assert_true(size >= 8 * (at + 1));
	return fdt64_ld((const fdt64_t *)(const void *)(value + 8 * (size_t)at));
}

static void a_tree_names_what_is_there(void **state)
{
	struct vm_tree tree = whole();
	uint8_t fdt[VM_TREE_BYTES_MAX];
	size_t size = 0;
	int bytes = 0;

	(void)state;
	assert_int_equal(vm_tree_make(&tree, fdt, &size, NULL), 0);
	assert_int_equal(fdt_check_full(fdt, size), 0);
	expect_text(fdt, "/chosen", "bootargs", "console=ttyS0");
	expect_text(fdt, "/chosen", "stdout-path", "/soc/serial@10000000");
	assert_int_equal(number64(fdt, "/chosen", "linux,initrd-start", 0), tree.initrd);
	assert_int_equal(number64(fdt, "/chosen", "linux,initrd-end", 0), tree.initrd_end);
	assert_memory_equal(property(fdt, "/chosen", "rng-seed", &bytes), seed, VM_SEED_BYTES);
	assert_int_equal(bytes, VM_SEED_BYTES);
	assert_int_equal(number64(fdt, "/memory@80000000", "reg", 0), VM_MAP_RAM);
	assert_int_equal(number64(fdt, "/memory@80000000", "reg", 1), tree.ram_size);
	expect_text(fdt, "/cpus/cpu@0", "riscv,isa", "rv64imafdc_zicntr_zicsr_zifencei");
	expect_text(fdt, "/cpus/cpu@0", "mmu-type", "riscv,sv39");
	expect_text(fdt, "/soc/serial@10000000", "compatible", "ns16550a");
	expect_text(fdt, "/soc/virtio_mmio@10003000", "compatible", "virtio,mmio");
	assert_int_equal(number64(fdt, "/soc/rtc@101000", "reg", 0), VM_MAP_RTC);
}

static void what_is_not_there_is_not_named(void **state)
{
	struct vm_tree tree = {.ram_size = 1 << 20, .virtio = {[VM_VIRTIO_NETWORK] = true}};
	uint8_t fdt[VM_TREE_BYTES_MAX];
	size_t size = 0;
	int chosen;

	(void)state;
	assert_int_equal(vm_tree_make(&tree, fdt, &size, NULL), 0);
	chosen = fdt_path_offset(fdt, "/chosen");
	assert_true(chosen > 0);
	assert_null(fdt_getprop(fdt, chosen, "bootargs", NULL));
	assert_null(fdt_getprop(fdt, chosen, "linux,initrd-start", NULL));
	assert_null(fdt_getprop(fdt, chosen, "rng-seed", NULL));
	assert_true(fdt_path_offset(fdt, "/soc/virtio_mmio@10002000") < 0);
	assert_true(fdt_path_offset(fdt, "/soc/virtio_mmio@10003000") > 0);
}

static void every_interrupt_has_a_controller(void **state)
{
	struct vm_tree tree = whole();
	uint8_t fdt[VM_TREE_BYTES_MAX];
	int found = 0;
	size_t size = 0;

	(void)state;
	assert_int_equal(vm_tree_make(&tree, fdt, &size, NULL), 0);
	for (int at = fdt_next_node(fdt, -1, NULL); at >= 0; at = fdt_next_node(fdt, at, NULL)) {
		const fdt32_t *parent = fdt_getprop(fdt, at, "interrupt-parent", NULL);
		int node = parent ? fdt_node_offset_by_phandle(fdt, fdt32_ld(parent)) : -1;

		if (!parent)
			continue;
		assert_true(node > 0);
		assert_non_null(fdt_getprop(fdt, node, "interrupt-controller", NULL));
		found++;
	}
	assert_int_equal(found, 2 + VM_VIRTIO_PLACES); /* and the console, and the clock */
}

static void the_same_description_is_the_same_bytes(void **state)
{
	struct vm_tree tree = whole();
	uint8_t one[VM_TREE_BYTES_MAX], other[VM_TREE_BYTES_MAX];
	size_t size = 0, again = 0;

	(void)state;
	memset(one, 0xaa, sizeof(one));
	memset(other, 0x55, sizeof(other));
	assert_int_equal(vm_tree_make(&tree, one, &size, NULL), 0);
	assert_int_equal(vm_tree_make(&tree, other, &again, NULL), 0);
	assert_int_equal(size, again);
	assert_memory_equal(one, other, size);
}

static void a_command_line_has_a_limit(void **state)
{
	struct gw_error error = {0};
	char line[VM_APPEND_BYTES_MAX + 2];
	struct vm_tree tree = {.ram_size = 1 << 20, .append = line};
	uint8_t fdt[VM_TREE_BYTES_MAX];
	size_t size = 0;

	(void)state;
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	assert_int_equal(vm_tree_make(&tree, fdt, &size, &error), GW_E_TOO_LARGE);
	assert_string_equal(error.text,
			    "the kernel's command line has 1024 bytes, allowed are 1023");
	line[VM_APPEND_BYTES_MAX] = 0;
	assert_int_equal(vm_tree_make(&tree, fdt, &size, &error), 0);
	expect_text(fdt, "/chosen", "bootargs", line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_names_what_is_there),
		cmocka_unit_test(what_is_not_there_is_not_named),
		cmocka_unit_test(every_interrupt_has_a_controller),
		cmocka_unit_test(the_same_description_is_the_same_bytes),
		cmocka_unit_test(a_command_line_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
