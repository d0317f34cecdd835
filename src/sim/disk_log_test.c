/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_log_test.c - the log of disk_log.h on a tame simulated disk: what it keeps over deaths, what
 * it tells of damage. What whole storms of faults do to it is the workload disk-log's.
 */
#include "sim/disk_log.h"
#include "sim/sim.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* A machine with one log, and what it said. */
struct machine {
	struct sim *sim;
	struct sim_node *node;
	struct disk_log_options options;
	/* Of the last life. */
	struct disk_log_user user;
	struct disk_log *log;
	uint64_t records, last, acknowledged;
	char newest[DISK_LOG_PAYLOAD_MAX + 1];
	bool ready, tail, lost, failed;
	struct gw_error error;
};

static struct machine *machine_of(struct disk_log_user *user)
{
	return (struct machine *)((char *)user - offsetof(struct machine, user));
}

static void note_record(struct disk_log_user *user, uint64_t number, struct gw_bytes payload)
{
	struct machine *machine = machine_of(user);

	assert_int_equal(number, ++machine->records);
	memcpy(machine->newest, payload.data, payload.size);
	machine->newest[payload.size] = '\0';
}

static void note_trouble(struct disk_log_user *user, enum disk_log_trouble trouble)
{
	*(trouble == DISK_LOG_TAIL ? &machine_of(user)->tail : &machine_of(user)->lost) = true;
}

static void note_acknowledged(struct disk_log_user *user, uint64_t first, uint32_t count)
{
	machine_of(user)->acknowledged = first + count - 1;
}

static void note_ready(struct disk_log_user *user, uint64_t last)
{
	machine_of(user)->ready = true;
	machine_of(user)->last = last;
}

static void note_failed(struct disk_log_user *user, const struct gw_error *error)
{
	machine_of(user)->failed = true;
	machine_of(user)->error = *error;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct machine *machine = argument;

	(void)node;
	machine->records = machine->last = machine->acknowledged = 0;
	machine->ready = machine->tail = machine->lost = machine->failed = false;
	machine->log = disk_log_new(io, &machine->options, &machine->user);
	assert_non_null(machine->log);
	return machine;
}

static void stop(void *life)
{
	disk_log_free(((struct machine *)life)->log);
}

static bool settled(void *context)
{
	struct machine *machine = context;

	return machine->ready || machine->failed;
}

static void wait(struct machine *machine)
{
	assert_true(sim_run_when(machine->sim, settled, machine,
				 sim_now_ns(machine->sim) + 60 * SIM_SECOND));
}

static void begin(struct machine *machine, uint32_t segment_bytes)
{
	struct sim_program program = {start, stop, machine};

	*machine = (struct machine){.options = {.segment_bytes = segment_bytes}};
	machine->user = (struct disk_log_user){note_record, note_trouble, note_acknowledged,
					       note_ready, note_failed};
	machine->sim = sim_new(1, NULL, NULL);
	machine->node = sim_node_add(machine->sim, "log", &program);
	sim_node_start(machine->node);
	wait(machine);
	assert_int_equal(machine->last, 0);
	assert_false(machine->failed);
}

static void end(struct machine *machine)
{
	sim_free(machine->sim);
}

/* Dies and recovers; nothing that was not synced is kept. */
static void recover(struct machine *machine, bool power_loss)
{
	sim_disk(machine->node)->keep_ppm = 0;
	machine->ready = machine->failed = false;
	sim_node_restart(machine->node, power_loss, SIM_MS);
	sim_run_for(machine->sim, SIM_MS);
	machine->ready = false;
	wait(machine);
}

static void append(struct machine *machine, const char *text, uint32_t count)
{
	struct gw_bytes payloads[DISK_LOG_BATCH_MAX];

	for (uint32_t i = 0; i < count; i++)
		payloads[i] = gw_string(text);
	machine->ready = false;
	disk_log_append(machine->log, payloads, count);
	wait(machine);
}

/* The segment that is written now: the last name in the directory. */
static void last_segment(struct machine *machine, char path[64])
{
	for (uint64_t number = machine->last + 1;; number--) {
		uint8_t byte;

		assert_true(number > 0);
		snprintf(path, 64, "log/%016llx", (unsigned long long)number);
		if (sim_disk_peek(machine->node, path, 0, &byte, 1) == 1)
			return;
	}
}

static void acknowledged_records_survive_power_loss(void **state)
{
	struct machine machine;

	(void)state;
	begin(&machine, 4096);
	append(&machine, "one", 1);
	append(&machine, "two", 3);
	assert_int_equal(machine.acknowledged, 4);
	recover(&machine, true);
	assert_int_equal(machine.records, 4);
	assert_string_equal(machine.newest, "two");
	assert_false(machine.tail || machine.lost);
	append(&machine, "three", 1);
	recover(&machine, true);
	assert_int_equal(machine.last, 5);
	assert_string_equal(machine.newest, "three");
	end(&machine);
}

static void an_append_under_way_is_there_or_not(void **state)
{
	struct gw_bytes payload = gw_string("under way");

	(void)state;
	for (uint64_t at = 1; at < 8; at++) {
		struct machine machine;

		begin(&machine, 4096);
		append(&machine, "first", 1);
		sim_node_die_at(machine.node, at, true);
		machine.ready = false;
		disk_log_append(machine.log, &payload, 1);
		sim_run_for(machine.sim, SIM_SECOND);
		sim_node_die_at(machine.node, 0, true);
		recover(&machine, true);
		assert_in_range(machine.last, 1, 2);
		assert_false(machine.lost);
		end(&machine);
	}
}

static void many_segments_are_one_log(void **state)
{
	struct machine machine;

	(void)state;
	begin(&machine, 1024);
	for (int i = 0; i < 50; i++)
		append(&machine, "a record that is long enough to fill segments", 7);
	assert_int_equal(machine.last, 350);
	recover(&machine, true);
	assert_int_equal(machine.records, 350);
	assert_false(machine.tail || machine.lost);
	end(&machine);
}

static void a_record_that_rotted_in_the_middle_is_told(void **state)
{
	struct machine machine;

	(void)state;
	begin(&machine, 1024);
	for (int i = 0; i < 20; i++)
		append(&machine, "a record that is long enough to fill segments", 7);
	assert_true(sim_disk_rot(machine.node, "log/0000000000000001", 530, 3));
	recover(&machine, true);
	assert_true(machine.lost);
	assert_true(machine.last < 140);
	/* Told once; then the log is whole again, from there on. */
	append(&machine, "goes on", 1);
	recover(&machine, true);
	assert_false(machine.lost);
	assert_string_equal(machine.newest, "goes on");
	end(&machine);
}

static void a_rotten_last_record_is_told_as_a_tail(void **state)
{
	struct machine machine;
	char path[64];

	(void)state;
	begin(&machine, 8192);
	append(&machine, "first", 1);
	append(&machine, "last", 1);
	last_segment(&machine, path);
	assert_true(sim_disk_rot(machine.node, path, 2 * DISK_LOG_SECTOR_BYTES + 17, 0));
	recover(&machine, true);
	assert_true(machine.tail);
	assert_false(machine.lost);
	assert_int_equal(machine.last, 1);
	end(&machine);
}

/* Flips the bits in which two numbers of a file differ. */
static void change(struct machine *machine, const char *path, uint64_t offset, uint32_t from,
		   uint32_t to)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		if ((from ^ to) >> bit & 1)
			assert_true(sim_disk_rot(machine->node, path, offset + bit / 8,
						 (uint8_t)(bit % 8)));
	}
}

static void a_rotten_header_is_told(void **state)
{
	struct machine machine;
	char path[64];

	(void)state;
	begin(&machine, 8192);
	append(&machine, "first", 1);
	last_segment(&machine, path);
	change(&machine, path, 4, 1, 3);
	recover(&machine, true);
	assert_true(machine.lost);
	assert_int_equal(machine.records, 0);
	end(&machine);
}

static void a_segment_of_another_version_is_refused_by_name(void **state)
{
	struct machine machine;
	uint8_t header[20];
	char path[64];
	uint32_t sum;

	(void)state;
	begin(&machine, 8192);
	append(&machine, "first", 1);
	last_segment(&machine, path);
	assert_int_equal(sim_disk_peek(machine.node, path, 0, header, sizeof(header)), 20);
	sum = base_load32(header + 16);
	change(&machine, path, 4, 1, 2);
	header[4] = 2;
	change(&machine, path, 16, sum, base_crc32c(0, header, 16));
	recover(&machine, true);
	assert_true(machine.failed);
	assert_false(machine.lost);
	assert_string_equal(machine.error.text,
			    "log/0000000000000001: version 2 of a log, not 1");
	end(&machine);
}

static void a_failed_sync_ends_the_log_with_a_sentence(void **state)
{
	struct machine machine;

	(void)state;
	begin(&machine, 4096);
	append(&machine, "first", 1);
	sim_disk_fail_at(machine.node, 1U << IO_OPERATION_SYNC, 1, 1, 5);
	append(&machine, "second", 1);
	assert_true(machine.failed);
	assert_int_equal(machine.acknowledged, 1);
	assert_non_null(strstr(machine.error.text, "log/"));
	recover(&machine, true);
	assert_in_range(machine.last, 1, 2);
	end(&machine);
}

static void without_sync_the_log_survives_its_process(void **state)
{
	struct machine machine;

	(void)state;
	begin(&machine, 4096);
	machine.options.without_sync = true;
	recover(&machine, false);
	append(&machine, "one", 2);
	assert_int_equal(machine.acknowledged, 2);
	recover(&machine, false);
	assert_int_equal(machine.records, 2);
	end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledged_records_survive_power_loss),
		cmocka_unit_test(an_append_under_way_is_there_or_not),
		cmocka_unit_test(many_segments_are_one_log),
		cmocka_unit_test(a_record_that_rotted_in_the_middle_is_told),
		cmocka_unit_test(a_rotten_last_record_is_told_as_a_tail),
		cmocka_unit_test(a_rotten_header_is_told),
		cmocka_unit_test(a_segment_of_another_version_is_refused_by_name),
		cmocka_unit_test(a_failed_sync_ends_the_log_with_a_sentence),
		cmocka_unit_test(without_sync_the_log_survives_its_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
