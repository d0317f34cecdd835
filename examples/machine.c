/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - a guest is run, and then run again from the log of its run: every byte that it says
 * comes once more, at the same instruction.
 *
 *     gw vm image make image --minimal
 *     machine image log < /dev/null
 */
#include <groundwork/vm.h>

#include <stdio.h>

struct heard {
	uint64_t bytes;
	unsigned sum;
};

static void hear(void *context, uint8_t byte)
{
	struct heard *heard = context;

	heard->bytes++;
	heard->sum = heard->sum * 31 + byte;
}

static int twice(const struct gw_vm_options *options, struct gw_error *error)
{
	struct heard heard = {0};
	const struct gw_vm_replay_options again = {
		.log = options->record, .console = hear, .context = &heard};
	struct gw_vm_result result;
	struct gw_vm_replay_result replayed;
	int code = gw_vm_run(options, &result, error);

	if (code == 0)
		code = gw_vm_replay(&again, &replayed, error);
	if (code < 0)
		return code;
	if (replayed.instructions != result.instructions || replayed.events != result.events)
		return gw_fail(error, GW_E_FAILED, "the second run was another one");
	printf("%llu instructions and %llu events, twice; %llu hashes equal; it said %llu bytes "
	       "(%08x)\n",
	       (unsigned long long)result.instructions, (unsigned long long)result.events,
	       (unsigned long long)replayed.hashes, (unsigned long long)heard.bytes, heard.sum);
	return 0;
}

int main(int argc, char **argv)
{
	struct gw_vm_options options = {.no_restart = true};
	struct gw_error error = {0};
	int code;

	if (argc != 3) {
		fprintf(stderr, "usage: machine IMAGE LOG\n");
		return 2;
	}
	options.image = argv[1];
	options.record = argv[2];
	code = twice(&options, &error);
	if (code < 0)
		fprintf(stderr, "machine: %s\n", error.text);
	return -code;
}
