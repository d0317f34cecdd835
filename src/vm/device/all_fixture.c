/* SPDX-License-Identifier: Apache-2.0 */
/* all_fixture.c - one of each device, and an outside for them. */
#include "all_fixture.h"

#include <assert.h>
#include <stdlib.h>

enum { DISK_BYTES = 8 << 20 };

static void say(struct all *all, uint64_t word)
{
	all->hash = (all->hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	all->hash ^= all->hash >> 32;
}

static void say_bytes(struct all *all, struct gw_bytes bytes)
{
	const uint8_t *data = bytes.data;

	for (size_t at = 0; at < bytes.size; at += at < 64 ? 1 : 509)
		say(all, data[at]);
	if (bytes.size)
		say(all, data[bytes.size - 1]);
}

static void send(void *context, uint8_t byte)
{
	say(context, byte);
}

static void transmit(void *context, struct gw_bytes frame)
{
	assert(frame.size <= VM_NET_FRAME_BYTES_MAX);
	say_bytes(context, frame);
}

static void want(void *context, size_t size)
{
	assert(size > 0 && size <= VM_RNG_BYTES_MAX);
	say(context, size);
}

static void wish(void *context, enum vm_syscon_wish what, unsigned code)
{
	say(context, (uint64_t)what << 32 | code);
}

static void request(void *context, const struct vm_block_request *wanted)
{
	struct all *all = context;
	uint64_t bytes = 0;

	assert(all->count < VM_BLOCK_REQUESTS_MAX);
	assert(wanted->offset <= DISK_BYTES && wanted->size <= DISK_BYTES - wanted->offset);
	for (size_t at = 0; at < wanted->piece_count; at++) {
		bytes += wanted->pieces[at].size;
		say_bytes(all, wanted->pieces[at]);
	}
	assert(wanted->operation != VM_BLOCK_WRITE || bytes == wanted->size);
	say(all, wanted->id);
	say(all, wanted->offset);
	all->asked[all->count++] = (struct all_asked){
		wanted->id, wanted->operation == VM_BLOCK_READ ? wanted->size : 0};
}

void all_answer(struct all *all, size_t at, int status)
{
	struct all_asked asked;
	uint8_t *data;
	bool taken;

	if (all->count == 0)
		return;
	at %= all->count;
	asked = all->asked[at];
	all->asked[at] = all->asked[--all->count];
	data = calloc(1, asked.bytes + 1);
	assert(data);
	for (uint64_t byte = 0; byte < asked.bytes; byte += 97)
		data[byte] = (uint8_t)(asked.id + byte);
	taken = vm_virtio_block_complete(all->block, asked.id, status,
					 (struct gw_bytes){data, asked.bytes});
	assert(taken);
	free(data);
}

static void make_virtio(struct all *all)
{
	struct vm_virtio_block_setup block = {
		.ram = all->rig.ram, .wire = vm_plic_wire(all->plic, 1), .size = DISK_BYTES,
		.id = "all", .request = request, .context = all};
	struct vm_virtio_net_setup net = {
		.ram = all->rig.ram, .wire = vm_plic_wire(all->plic, 2),
		.address = {2, 0, 0, 0, 0, 1}, .transmit = transmit, .context = all};
	struct vm_virtio_rng_setup rng = {
		.ram = all->rig.ram, .wire = vm_plic_wire(all->plic, 3), .want = want,
		.context = all};
	int status = vm_virtio_block_new(&all->block, &block, NULL);

	assert(status == 0);
	status = vm_virtio_net_new(&all->net, &net, NULL);
	assert(status == 0);
	status = vm_virtio_rng_new(&all->rng, &rng, NULL);
	assert(status == 0);
	rig_add(&all->rig, ALL_VIRTIO, vm_virtio_block_device(all->block));
	rig_add(&all->rig, ALL_VIRTIO + 0x1000, vm_virtio_net_device(all->net));
	rig_add(&all->rig, ALL_VIRTIO + 0x2000, vm_virtio_rng_device(all->rng));
}

void all_start(struct all *all)
{
	struct vm_uart_setup uart = {.send = send, .context = all};
	struct vm_rtc_setup rtc = {.start_ns = 1700000000000000000, .tick_ns = 100};
	struct vm_syscon_setup syscon = {.wish = wish, .context = all};
	int status;

	*all = (struct all){0};
	rig_start(&all->rig);
	status = vm_clint_new(&all->clint, all->rig.cpu, NULL);
	assert(status == 0);
	status = vm_plic_new(&all->plic, all->rig.cpu, NULL);
	assert(status == 0);
	uart.wire = vm_plic_wire(all->plic, 10);
	rtc.wire = vm_plic_wire(all->plic, 11);
	rtc.cpu = all->rig.cpu;
	status = vm_uart_new(&all->uart, &uart, NULL);
	assert(status == 0);
	status = vm_rtc_new(&all->rtc, &rtc, NULL);
	assert(status == 0);
	status = vm_syscon_new(&all->syscon, &syscon, NULL);
	assert(status == 0);
	rig_add(&all->rig, ALL_CLINT, vm_clint_device(all->clint));
	rig_add(&all->rig, ALL_PLIC, vm_plic_device(all->plic));
	rig_add(&all->rig, ALL_UART, vm_uart_device(all->uart));
	rig_add(&all->rig, ALL_RTC, vm_rtc_device(all->rtc));
	rig_add(&all->rig, ALL_SYSCON, vm_syscon_device(all->syscon));
	make_virtio(all);
}

void all_end(struct all *all)
{
	vm_virtio_rng_free(all->rng);
	vm_virtio_net_free(all->net);
	vm_virtio_block_free(all->block);
	vm_syscon_free(all->syscon);
	vm_rtc_free(all->rtc);
	vm_uart_free(all->uart);
	vm_plic_free(all->plic);
	vm_clint_free(all->clint);
	rig_end(&all->rig);
}
