/* SPDX-License-Identifier: Apache-2.0 */
/* disk_test.c - a file as a disk: what is written is read, in order; and files that will not do. */
#include "disk.h"

#include "support/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { DISK_BYTES = 1 << 20 };

struct world {
	char path[64];
	struct vm_block *block;
	uint64_t next;
};

static void make_file(struct world *world, off_t size)
{
	int file;

	*world = (struct world){.path = "/tmp/groundwork-disk-XXXXXX"};
	file = mkstemp(world->path);
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, size), 0);
	close(file);
}

static void start(struct world *world)
{
	make_file(world, DISK_BYTES);
	assert_int_equal(vm_disk_open(&world->block, world->path, false, NULL), 0);
	assert_int_equal(world->block->size, DISK_BYTES);
}

static void end(struct world *world)
{
	vm_disk_close(world->block);
	unlink(world->path);
}

static void begin(struct world *world, enum vm_block_operation operation, uint64_t offset,
		  uint64_t size)
{
	struct vm_block_request request = {world->next++, operation, offset, size, NULL, 0};

	vm_block_begin(world->block, &request);
}

static void begin_write(struct world *world, uint64_t offset, char what, uint64_t size)
{
	uint8_t *bytes = malloc(size);
	struct gw_bytes pieces[2] = {{bytes, size / 3}, {bytes + size / 3, size - size / 3}};
	struct vm_block_request request = {world->next++, VM_BLOCK_WRITE, offset, size, pieces, 2};

	assert_non_null(bytes);
	memset(bytes, what, size);
	vm_block_begin(world->block, &request);
	memset(bytes, '!', size); /* it was copied */
	free(bytes);
}

/* Waits for the next answer. */
static struct vm_block_answer next(struct world *world)
{
	struct pollfd wait = {.fd = world->block->kind->descriptor(world->block), .events = POLLIN};
	struct vm_block_answer answer;

	while (!world->block->kind->take(world->block, &answer))
		assert_int_equal(poll(&wait, 1, -1), 1);
	return answer;
}

static void assert_done(struct world *world, uint64_t id)
{
	struct vm_block_answer answer = next(world);

	assert_int_equal(answer.id, id);
	assert_int_equal(answer.status, 0);
}

static void assert_reads(struct world *world, uint64_t offset, uint64_t size, char what)
{
	struct vm_block_answer answer;

	begin(world, VM_BLOCK_READ, offset, size);
	answer = next(world);
	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.data.size, size);
	for (uint64_t at = 0; at < size; at++)
		assert_int_equal(((const char *)answer.data.data)[at], what);
}

static void what_is_written_is_read(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_reads(&world, 0, 4096, 0);
	begin_write(&world, 512, 'a', 2048);
	assert_done(&world, 1);
	assert_reads(&world, 512, 2048, 'a');
	assert_reads(&world, 0, 512, 0);
	begin_write(&world, DISK_BYTES - 512, 'z', 512);
	assert_done(&world, 4);
	begin(&world, VM_BLOCK_FLUSH, 0, 0);
	assert_done(&world, 5);
	vm_disk_close(world.block);
	assert_int_equal(vm_disk_open(&world.block, world.path, true, NULL), 0);
	assert_true(world.block->read_only);
	assert_reads(&world, DISK_BYTES - 512, 512, 'z');
	end(&world);
}

static void requests_are_carried_out_in_their_order(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned at = 0; at < VM_BLOCK_REQUESTS_MAX / 2; at++) {
			begin_write(&world, 0, (char)('A' + at % 26), 8192);
			begin(&world, VM_BLOCK_READ, 512, 512);
		}
		for (unsigned at = 0; at < VM_BLOCK_REQUESTS_MAX / 2; at++) {
			struct vm_block_answer answer = next(&world);

			assert_int_equal(answer.data.size, 0);
			answer = next(&world);
			assert_int_equal(((const char *)answer.data.data)[0], 'A' + at % 26);
		}
	}
	end(&world);
}

static void what_is_cleared_is_zero(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	begin_write(&world, 0, 'x', 256 << 10);
	assert_done(&world, 0);
	begin(&world, VM_BLOCK_DISCARD, 512, 128 << 10);
	assert_done(&world, 1);
	begin(&world, VM_BLOCK_ZEROES, 192 << 10, 64 << 10);
	assert_done(&world, 2);
	assert_reads(&world, 0, 512, 'x');
	assert_reads(&world, 512, 128 << 10, 0);
	assert_reads(&world, (128 << 10) + 512, (64 << 10) - 512, 'x');
	assert_reads(&world, 192 << 10, 64 << 10, 0);
	end(&world);
}

static void a_file_that_is_cut_meanwhile_is_an_error(void **state)
{
	struct world world;
	struct vm_block_answer answer;

	(void)state;
	start(&world);
	assert_int_equal(truncate(world.path, 4096), 0);
	begin(&world, VM_BLOCK_READ, 3584, 1024);
	answer = next(&world);
	assert_int_equal(answer.status, GW_E_IO);
	assert_int_equal(answer.data.size, 0);
	assert_reads(&world, 0, 4096, 0);
	end(&world);
}

static void a_disk_that_is_closed_ends_what_was_begun(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	for (unsigned at = 0; at < VM_BLOCK_REQUESTS_MAX; at++)
		begin_write(&world, 4096 * at, 'q', 4096);
	end(&world);
}

static void files_that_will_not_do_are_refused(void **state)
{
	struct world world, other = {0};
	struct gw_error error = {0};

	(void)state;
	make_file(&world, 511);
	assert_int_equal(vm_disk_open(&world.block, world.path, false, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, world.path));
	assert_int_equal(truncate(world.path, 1023), 0);
	assert_int_equal(vm_disk_open(&world.block, world.path, false, NULL), 0);
	assert_int_equal(world.block->size, 512);
	assert_int_equal(vm_disk_open(&other.block, world.path, false, NULL), GW_E_BUSY);
	assert_int_equal(vm_disk_open(&other.block, world.path, true, NULL), GW_E_BUSY);
	assert_int_equal(vm_disk_open(&other.block, "/tmp", true, NULL), GW_E_INVALID);
	assert_int_equal(vm_disk_open(&other.block, "/dev/null", false, NULL), GW_E_INVALID);
	assert_int_equal(vm_disk_open(&other.block, "/nowhere", false, NULL), GW_E_NOT_FOUND);
	end(&world);
	make_file(&world, 512);
	assert_int_equal(vm_disk_open(&world.block, world.path, true, NULL), 0);
	assert_int_equal(vm_disk_open(&other.block, world.path, true, NULL), 0);
	vm_disk_close(other.block);
	vm_disk_close(NULL);
	end(&world);
}

static int open_and_close(void *context)
{
	const struct world *world = context;
	struct vm_block *block = NULL;
	int status = vm_disk_open(&block, world->path, false, NULL);

	if (status == 0)
		vm_disk_close(block);
	return status;
}

static void short_memory_is_an_answer(void **state)
{
	struct world world;

	(void)state;
	make_file(&world, DISK_BYTES);
	assert_true(test_each_allocation_fails(open_and_close, &world) > 0);
	assert_int_equal(vm_disk_open(&world.block, world.path, false, NULL), 0);
	test_fail_allocation(1);
	begin(&world, VM_BLOCK_READ, 0, 512);
	assert_true(test_allocation_failed());
	assert_int_equal(next(&world).status, GW_E_NO_MEMORY);
	assert_reads(&world, 0, 512, 0);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(requests_are_carried_out_in_their_order),
		cmocka_unit_test(what_is_cleared_is_zero),
		cmocka_unit_test(a_file_that_is_cut_meanwhile_is_an_error),
		cmocka_unit_test(a_disk_that_is_closed_ends_what_was_begun),
		cmocka_unit_test(files_that_will_not_do_are_refused),
		cmocka_unit_test(short_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
