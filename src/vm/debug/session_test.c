/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_test.c - talks with a replay as gdb does.
 */
#include "packet.h"
#include "registers.h"
#include "target.h"

#include "support/unit.h"
#include "vm/record/rig_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 30000 };

struct world {
	struct rig rig;
	struct vm_debug_replay debug;
	struct vm_session *session;
	struct vm_packet_reader reader; /* of what is answered */
	char said[1024];                /* console words */
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct vm_replay_options options = {0};
	struct vm_debug_target target;

	*state = world;
	if (!world || !rig_set_up(&world->rig))
		return -1;
	rig_record(&world->rig, 17, COUNT, true);
	if (vm_replay_open(&world->debug.replay, world->rig.log, &options, NULL) < 0 ||
	    vm_debug_replay_start(&world->debug, 0, NULL) < 0)
		return -1;
	target = vm_debug_replay_target(&world->debug);
	return vm_session_new(&world->session, &target, NULL);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	vm_session_free(world->session);
	vm_debug_replay_done(&world->debug);
	vm_replay_close(world->debug.replay);
	rig_tear_down(&world->rig);
	free(world);
	return 0;
}

/* ---- Questions and answers ------------------------------------------------------------------- */

static void put(struct world *world, const void *bytes, size_t size)
{
	assert_int_equal(vm_session_put(world->session, (struct gw_bytes){bytes, size}, NULL), 0);
}

/* The last packet that is to be sent; words for the console before it are kept. */
static const char *answer(struct world *world)
{
	struct gw_bytes out = vm_session_out(world->session);
	struct vm_packet_reader *reader = &world->reader;
	size_t packets = 0;

	for (size_t at = 0; at < out.size; at++) {
		if (vm_packet_put(reader, ((const uint8_t *)out.data)[at]) != VM_PACKET_WHOLE)
			continue;
		packets++;
		if (reader->content[0] == 'O' && reader->content[1] != 'K')
			snprintf(world->said, sizeof(world->said), "%s", reader->content + 1);
	}
	assert_true(packets > 0);
	vm_session_sent(world->session);
	return reader->content;
}

static const char *ask_bytes(struct world *world, const void *question, size_t size)
{
	struct base_buffer packet = {0};

	assert_int_equal(vm_packet_frame(&packet, (struct gw_bytes){question, size}, NULL), 0);
	put(world, packet.data, packet.size);
	base_buffer_done(&packet);
	return answer(world);
}

static const char *ask(struct world *world, const char *question)
{
	return ask_bytes(world, question, strlen(question));
}

static void assert_answer(struct world *world, const char *question, const char *wanted)
{
	assert_string_equal(ask(world, question), wanted);
}

/* A question with a number in it. */
static void ask_with(struct world *world, const char *before, uint64_t number, const char *behind,
		     const char *wanted)
{
	char question[64];

	snprintf(question, sizeof(question), "%s%llx%s", before, (unsigned long long)number,
		 behind);
	assert_answer(world, question, wanted);
}

static uint64_t count(const struct world *world)
{
	return vm_replay_count(world->debug.replay);
}

static uint64_t hash(const struct world *world)
{
	return vm_machine_hash(vm_replay_machine(world->debug.replay), true);
}

static struct vm_cpu *cpu(const struct world *world)
{
	return vm_machine_cpu(vm_replay_machine(world->debug.replay));
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void what_is_not_known_has_an_empty_answer(void **state)
{
	static const char *const unknown[] = {"vMustReplyEmpty", "", "!", "qTStatus", "Z9,0,1"};
	static const char *const malformed[] = {
		"m",  "mx,1",  "m1",   "M0,2:0", "M0,1",   "Xzz", "p",
		"P1", "P0=12", "Z0,0", "Z0,x,1", "vCont;", "cx",  "pfff",
		"qXfer:features:read:target.xml:1"};

	for (size_t at = 0; at < sizeof(unknown) / sizeof(*unknown); at++)
		assert_answer(*state, unknown[at], "");
	for (size_t at = 0; at < sizeof(malformed) / sizeof(*malformed); at++)
		assert_answer(*state, malformed[at], "E01");
}

static void gdb_is_greeted(void **state)
{
	const char *said = ask(*state, "qSupported:multiprocess+;swbreak+");

	assert_non_null(strstr(said, "ReverseStep+;ReverseContinue+;"));
	assert_non_null(strstr(said, "qXfer:features:read+;"));
	assert_answer(*state, "?", "T05thread:01;");
	assert_answer(*state, "vCont?", "vCont;c;C;s;S");
	assert_answer(*state, "qfThreadInfo", "m1");
	assert_answer(*state, "qsThreadInfo", "l");
	assert_answer(*state, "qC", "QC1");
	assert_answer(*state, "Hg1", "OK");
	assert_answer(*state, "qAttached", "1");
}

static void packets_are_acknowledged_until_that_is_not_wanted(void **state)
{
	struct world *world = *state;
	struct gw_bytes out;

	put(world, "$?#3f", 5);
	out = vm_session_out(world->session);
	assert_int_equal(*(const char *)out.data, '+');
	vm_session_sent(world->session);
	put(world, "-", 1);
	assert_string_equal(answer(world), "T05thread:01;");
	put(world, "$?#00", 5);
	out = vm_session_out(world->session);
	assert_int_equal(out.size, 1);
	assert_int_equal(*(const char *)out.data, '-');
	vm_session_sent(world->session);
	assert_answer(world, "QStartNoAckMode", "OK");
	put(world, "$?#3f", 5);
	out = vm_session_out(world->session);
	assert_int_equal(*(const char *)out.data, '$');
	assert_string_equal(answer(world), "T05thread:01;");
}

static void registers_are_described_piece_by_piece(void **state)
{
	char text[32768] = "", question[64];
	const char *piece;
	size_t size = 0, names = 0;

	do {
		snprintf(question, sizeof(question), "qXfer:features:read:target.xml:%zx,400",
			 size);
		piece = ask(*state, question);
		assert_true(size + strlen(piece) < sizeof(text));
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s", piece + 1);
	} while (*piece == 'm');
	assert_non_null(strstr(text, "riscv:rv64"));
	assert_non_null(strstr(text, "name=\"satp\""));
	assert_non_null(strstr(text, "</target>"));
	for (const char *at = text; (at = strstr(at, "<reg ")); at++)
		names++;
	assert_int_equal(names, vm_register_count());
}

static void registers_are_read_and_set(void **state)
{
	struct world *world = *state;
	char all[1 + 16 * VM_REGISTERS_IN_G + 1] = "";
	unsigned settable = 0;

	for (unsigned number = 0; number < vm_register_count(); number++) {
		char question[64], value[17];

		snprintf(question, sizeof(question), "p%x", number);
		snprintf(value, sizeof(value), "%.16s", ask(world, question));
		assert_int_equal(strlen(value), 2 * vm_register_bytes(number));
		snprintf(question, sizeof(question), "P%x=%s", number, value);
		settable += strcmp(ask(world, question), "OK") == 0;
	}
	assert_true(settable > 33 + 32 + 20);
	assert_answer(world, "P5=efcdab8967452301", "OK");
	assert_int_equal(vm_cpu_x(cpu(world), 5), 0x0123456789abcdef);
	assert_answer(world, "p5", "efcdab8967452301");
	assert_int_equal(strlen(ask(world, "g")), 16 * VM_REGISTERS_IN_G);
	assert_memory_equal(world->reader.content + 16 * 5, "efcdab8967452301", 16);
	memset(all, '0', sizeof(all) - 1);
	all[0] = 'G';
	assert_answer(world, all, "OK");
	all[16] = 0;
	assert_answer(world, all, "E01");
	assert_int_equal(vm_cpu_x(cpu(world), 5), 0);
}

static void memory_is_read_and_written(void **state)
{
	struct world *world = *state;
	const char binary[] = "X80200000,3:\x01}\x02";

	assert_answer(world, "M80200000,4:01020304", "OK");
	assert_answer(world, "m80200000,4", "01020304");
	assert_int_equal(strlen(ask_bytes(world, binary, sizeof(binary) - 1)), 2);
	assert_answer(world, "m80200000,4", "017d0204");
	/* Over the end of RAM there is less; nothing outside of it is touched. */
	ask_with(world, "M", 0x80000000 + RIG_RAM_BYTES - 1, ",2:0102", "E14");
	ask_with(world, "m", 0x80000000 + RIG_RAM_BYTES - 1, ",10", "01");
	assert_answer(world, "m10000000,1", "E14");
	assert_answer(world, "qRcmd,706879736963616c", /* physical */
		      "61646472657373657320617265"
		      "20706879736963616c0a");
	assert_answer(world, "m80200000,4", "017d0204");
}

static void a_step_back_undoes_a_step(void **state)
{
	struct world *world = *state;
	uint64_t hashes[100];

	assert_answer(world, "bs", "T05replaylog:begin;thread:01;");
	for (size_t at = 0; at < 100; at++) {
		hashes[at] = hash(world);
		assert_answer(world, at % 2 ? "s" : "vCont;s:1;c", "T05thread:01;");
		assert_int_equal(count(world), at + 1);
	}
	for (size_t at = 100; at-- > 0;) {
		assert_answer(world, "bs", "T05thread:01;");
		assert_int_equal(hash(world), hashes[at]);
	}
	assert_answer(world, "bs", "T05replaylog:begin;thread:01;");
}

static void a_break_is_met_on_both_ways(void **state)
{
	struct world *world = *state;
	uint64_t pc, first;

	for (int at = 0; at < 50; at++)
		ask(world, "s");
	pc = vm_cpu_pc(cpu(world));
	assert_answer(world, "c", "T05replaylog:end;thread:01;");
	ask_with(world, "Z0,", pc, ",4", "OK");
	assert_answer(world, "bc", "T05swbreak:;thread:01;");
	assert_int_equal(vm_cpu_pc(cpu(world)), pc);
	first = count(world);
	while (strcmp(ask(world, "bc"), "T05swbreak:;thread:01;") == 0)
		first = count(world);
	assert_string_equal(world->reader.content, "T05replaylog:begin;thread:01;");
	assert_answer(world, "c", "T05swbreak:;thread:01;");
	assert_int_equal(count(world), first);
	ask_with(world, "z0,", pc, ",4", "OK");
	assert_answer(world, "c", "T05replaylog:end;thread:01;");
	assert_answer(world, "c", "T05replaylog:end;thread:01;");
}

static void a_watch_is_named_as_it_was_set(void **state)
{
	static const char *const words[] = {"watch", "rwatch", "awatch"};
	struct world *world = *state;

	for (unsigned type = 2; type <= 4; type++) {
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "T05%s:80100000;thread:01;", words[type - 2]);
		ask_with(world, "Z", type, ",80100000,100000", "OK");
		assert_answer(world, "c", wanted);
		assert_answer(world, "c", wanted);
		ask_with(world, "z", type, ",80100000,100000", "OK");
		assert_answer(world, "bc", "T05replaylog:begin;thread:01;");
	}
}

static void more_stops_than_there_may_be_are_refused(void **state)
{
	for (uint64_t at = 0; at < VM_STOPS_MAX; at++) {
		ask_with(*state, "Z0,", at * 4, ",4", "OK");
		ask_with(*state, "Z0,", at * 4, ",4", "OK"); /* it is the same one */
		ask_with(*state, "Z2,", at * 4, ",4", "OK");
	}
	assert_answer(*state, "Z0,ffff,4", "E0c");
	assert_answer(*state, "Z2,ffff,4", "E0c");
	assert_answer(*state, "z2,4,4", "OK");
	assert_answer(*state, "Z2,ffff,4", "OK");
}

static void another_run_is_said_and_gone_back_from(void **state)
{
	struct world *world = *state;

	for (int at = 0; at < 20; at++)
		ask(world, "s");
	vm_cpu_set_x(cpu(world), 8, 12345);
	assert_answer(world, "c", "T05thread:01;");
	assert_non_null(strstr(world->said, "616e6f746865722072756e")); /* "another run" */
	assert_answer(world, "bc", "T05replaylog:begin;thread:01;");
	assert_answer(world, "c", "T05replaylog:end;thread:01;");
}

/* Words of a command, as hexadecimal; what it said. */
static const char *command(struct world *world, const char *words)
{
	static const char name[] = "qRcmd,";
	struct base_buffer packet = {0};
	struct vm_words hex;
	const char *said;

	assert_int_equal(base_buffer_append(&packet, name, strlen(name), NULL), 0);
	assert_int_equal(vm_packet_hex(&packet, words, strlen(words), NULL), 0);
	said = ask_bytes(world, packet.data, packet.size);
	hex = (struct vm_words){said, said + strlen(said)};
	memset(world->said, 0, sizeof(world->said));
	assert_true(vm_words_bytes(&hex, (uint8_t *)world->said, strlen(said) / 2));
	base_buffer_done(&packet);
	return world->said;
}

static void commands_tell_and_go(void **state)
{
	struct world *world = *state;
	char text[32];

	assert_string_equal(command(world, "count"), "0\n");
	assert_non_null(strstr(command(world, "go 12345"), "at 12345;"));
	assert_int_equal(count(world), 12345);
	snprintf(text, sizeof(text), "%016llx\n", (unsigned long long)hash(world));
	assert_string_equal(command(world, "hash"), text);
	assert_non_null(strstr(command(world, "go 0x10"), "at 16;"));
	assert_string_equal(command(world, "go nowhere"), "nowhere: no count\n");
	assert_non_null(strstr(command(world, "help"), "physical"));
	assert_string_equal(command(world, "virtual"), "addresses are virtual\n");
}

static void gdb_may_leave(void **state)
{
	struct world *world = *state;

	assert_false(vm_session_over(world->session));
	assert_answer(world, "D", "OK");
	assert_true(vm_session_over(world->session));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_not_known_has_an_empty_answer),
		TEST(gdb_is_greeted),
		TEST(packets_are_acknowledged_until_that_is_not_wanted),
		TEST(registers_are_described_piece_by_piece),
		TEST(registers_are_read_and_set),
		TEST(memory_is_read_and_written),
		TEST(a_step_back_undoes_a_step),
		TEST(a_break_is_met_on_both_ways),
		TEST(a_watch_is_named_as_it_was_set),
		TEST(more_stops_than_there_may_be_are_refused),
		TEST(another_run_is_said_and_gone_back_from),
		TEST(commands_tell_and_go),
		TEST(gdb_may_leave),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
