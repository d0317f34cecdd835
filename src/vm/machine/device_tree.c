/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_tree.c - the device tree, written from front to back with libfdt. A failure sticks,
 * so that it is looked at once: the buffer is large enough for all but a command line that is too
 * long.
 *
 * What is not named is not there for the guest: no Sstc (the timer is the SBI's), no H, no Zkr.
 */
#include "device_tree.h"

#include <assert.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>

enum phandle { PHANDLE_HART = 1, PHANDLE_PLIC, PHANDLE_POWER };

/* Causes of interrupts, as the hart's controller numbers them. */
enum { SOFTWARE_MACHINE = 3, TIMER_MACHINE = 7, EXTERNAL_SUPERVISOR = 9, EXTERNAL_MACHINE = 11 };

struct writer {
	void *fdt;
	int failed; /* what libfdt said first */
};

static void check(struct writer *writer, int result)
{
	if (result < 0 && !writer->failed)
		writer->failed = result;
}

/* ---- Nodes and properties -------------------------------------------------------------------- */

static void begin(struct writer *writer, const char *name)
{
	check(writer, fdt_begin_node(writer->fdt, name));
}

static void begin_at(struct writer *writer, const char *name, uint64_t address)
{
	char full[64];

	(void)snprintf(full, sizeof(full), "%s@%" PRIx64, name, address);
	begin(writer, full);
}

static void end(struct writer *writer)
{
	check(writer, fdt_end_node(writer->fdt));
}

static void flag(struct writer *writer, const char *name)
{
	check(writer, fdt_property(writer->fdt, name, NULL, 0));
}

static void text(struct writer *writer, const char *name, const char *value)
{
	check(writer, fdt_property_string(writer->fdt, name, value));
}

static void number(struct writer *writer, const char *name, uint32_t value)
{
	check(writer, fdt_property_u32(writer->fdt, name, value));
}

static void number64(struct writer *writer, const char *name, uint64_t value)
{
	check(writer, fdt_property_u64(writer->fdt, name, value));
}

static void numbers(struct writer *writer, const char *name, const uint32_t *values, size_t count)
{
	fdt32_t raw[8];

	assert(count <= sizeof(raw) / sizeof(raw[0]));
	for (size_t at = 0; at < count; at++)
		raw[at] = cpu_to_fdt32(values[at]);
	check(writer, fdt_property(writer->fdt, name, raw, (int)(count * sizeof(raw[0]))));
}

/* Where a thing is: two cells of address, two of size. */
static void place(struct writer *writer, uint64_t address, uint64_t size)
{
	numbers(writer, "reg",
		(uint32_t[]){(uint32_t)(address >> 32), (uint32_t)address, (uint32_t)(size >> 32),
			     (uint32_t)size},
		4);
}

static void cells(struct writer *writer, uint32_t address, uint32_t size)
{
	number(writer, "#address-cells", address);
	number(writer, "#size-cells", size);
}

static void interrupt(struct writer *writer, uint32_t line)
{
	number(writer, "interrupt-parent", PHANDLE_PLIC);
	number(writer, "interrupts", line);
}

/* ---- The parts ------------------------------------------------------------------------------- */

static void chosen(struct writer *writer, const struct vm_tree *tree)
{
	char path[64];

	begin(writer, "chosen");
	(void)snprintf(path, sizeof(path), "/soc/serial@%" PRIx64, VM_MAP_CONSOLE);
	text(writer, "stdout-path", path);
	if (tree->append && tree->append[0])
		text(writer, "bootargs", tree->append);
	if (tree->initrd != tree->initrd_end) {
		number64(writer, "linux,initrd-start", tree->initrd);
		number64(writer, "linux,initrd-end", tree->initrd_end);
	}
	if (tree->seed)
		check(writer, fdt_property(writer->fdt, "rng-seed", tree->seed, VM_SEED_BYTES));
	end(writer);
}

static void memory(struct writer *writer, const struct vm_tree *tree)
{
	begin_at(writer, "memory", VM_MAP_RAM);
	text(writer, "device_type", "memory");
	place(writer, VM_MAP_RAM, tree->ram_size);
	end(writer);
}

static void hart(struct writer *writer)
{
	begin(writer, "cpus");
	cells(writer, 1, 0);
	number(writer, "timebase-frequency", VM_TICKS_PER_SECOND);
	begin_at(writer, "cpu", 0);
	text(writer, "device_type", "cpu");
	number(writer, "reg", 0);
	text(writer, "status", "okay");
	text(writer, "compatible", "riscv");
	text(writer, "riscv,isa", "rv64imafdc_zicntr_zicsr_zifencei");
	text(writer, "mmu-type", "riscv,sv39");
	begin(writer, "interrupt-controller");
	number(writer, "#interrupt-cells", 1);
	flag(writer, "interrupt-controller");
	text(writer, "compatible", "riscv,cpu-intc");
	number(writer, "phandle", PHANDLE_HART);
	end(writer);
	end(writer);
	end(writer);
}

static void interrupt_controllers(struct writer *writer)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	static const char compatible_clint[] = "sifive,clint0\0riscv,clint0";

	begin_at(writer, "clint", VM_MAP_CLINT);
	check(writer, fdt_property(writer->fdt, "compatible", compatible_clint,
				   sizeof(compatible_clint)));
	place(writer, VM_MAP_CLINT, VM_MAP_CLINT_BYTES);
	numbers(writer, "interrupts-extended",
		(uint32_t[]){PHANDLE_HART, SOFTWARE_MACHINE, PHANDLE_HART, TIMER_MACHINE}, 4);
	end(writer);
	begin_at(writer, "plic", VM_MAP_PLIC);
	check(writer, fdt_property(writer->fdt, "compatible", compatible, sizeof(compatible)));
	place(writer, VM_MAP_PLIC, VM_MAP_PLIC_BYTES);
	number(writer, "#address-cells", 0);
	number(writer, "#interrupt-cells", 1);
	flag(writer, "interrupt-controller");
	numbers(writer, "interrupts-extended",
		(uint32_t[]){PHANDLE_HART, EXTERNAL_MACHINE, PHANDLE_HART, EXTERNAL_SUPERVISOR}, 4);
	number(writer, "riscv,ndev", VM_INTERRUPTS);
	number(writer, "phandle", PHANDLE_PLIC);
	end(writer);
}

static void console(struct writer *writer)
{
	begin_at(writer, "serial", VM_MAP_CONSOLE);
	text(writer, "compatible", "ns16550a");
	place(writer, VM_MAP_CONSOLE, VM_MAP_CONSOLE_BYTES);
	number(writer, "clock-frequency", 3686400);
	interrupt(writer, VM_INTERRUPT_CONSOLE);
	end(writer);
}

static void clock(struct writer *writer)
{
	begin_at(writer, "rtc", VM_MAP_RTC);
	text(writer, "compatible", "google,goldfish-rtc");
	place(writer, VM_MAP_RTC, VM_MAP_RTC_BYTES);
	interrupt(writer, VM_INTERRUPT_RTC);
	end(writer);
}

static void power(struct writer *writer)
{
	static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";

	begin_at(writer, "test", VM_MAP_POWER);
	check(writer, fdt_property(writer->fdt, "compatible", compatible, sizeof(compatible)));
	place(writer, VM_MAP_POWER, VM_MAP_POWER_BYTES);
	number(writer, "phandle", PHANDLE_POWER);
	end(writer);
}

/* What is written to the device above, for kernels without SBI's system reset. */
static void power_word(struct writer *writer, const char *name, const char *compatible,
		       uint32_t value)
{
	begin(writer, name);
	text(writer, "compatible", compatible);
	number(writer, "regmap", PHANDLE_POWER);
	number(writer, "offset", 0);
	number(writer, "value", value);
	end(writer);
}

static void virtio(struct writer *writer, unsigned at)
{
	uint64_t address = VM_MAP_VIRTIO + (uint64_t)at * VM_MAP_VIRTIO_BYTES;

	begin_at(writer, "virtio_mmio", address);
	text(writer, "compatible", "virtio,mmio");
	place(writer, address, VM_MAP_VIRTIO_BYTES);
	interrupt(writer, VM_INTERRUPT_VIRTIO + at);
	end(writer);
}

static void root(struct writer *writer, const struct vm_tree *tree)
{
	begin(writer, "");
	cells(writer, 2, 2);
	text(writer, "compatible", "riscv-virtio");
	text(writer, "model", "groundwork,vm");
	chosen(writer, tree);
	memory(writer, tree);
	hart(writer);
	power_word(writer, "poweroff", "syscon-poweroff", 0x5555);
	power_word(writer, "reboot", "syscon-reboot", 0x7777);
	begin(writer, "soc");
	cells(writer, 2, 2);
	text(writer, "compatible", "simple-bus");
	flag(writer, "ranges");
	power(writer);
	clock(writer);
	interrupt_controllers(writer);
	console(writer);
	for (unsigned at = 0; at < VM_VIRTIO_PLACES; at++)
		if (tree->virtio[at])
			virtio(writer, at);
	end(writer);
	end(writer);
}

int vm_tree_make(const struct vm_tree *tree, uint8_t out[VM_TREE_BYTES_MAX], size_t *size,
		 struct gw_error *error)
{
	struct writer writer = {.fdt = out};

	if (tree->append && strlen(tree->append) > VM_APPEND_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "the kernel's command line has %zu bytes, allowed are %d",
			       strlen(tree->append), VM_APPEND_BYTES_MAX);
	check(&writer, fdt_create(out, VM_TREE_BYTES_MAX));
	check(&writer, fdt_finish_reservemap(out));
	root(&writer, tree);
	check(&writer, fdt_finish(out));
	if (writer.failed)
		return gw_fail(error, GW_E_FAILED, "the device tree cannot be made: %s",
			       fdt_strerror(writer.failed));
	*size = fdt_totalsize(out);
	return 0;
}
