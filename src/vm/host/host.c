/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - a machine gets its outside, and is run.
 */
#include "host_inside.h"

#include "vm/host/system.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ---- What the machine says ------------------------------------------------------------------- */

static void console(void *context, uint8_t byte)
{
	struct vm_host *host = context;

	vm_console_say(&host->console, byte);
}

static void transmit(void *context, struct gw_bytes frame)
{
	struct vm_host *host = context;

	if (host->net && !host->net->gone)
		host->net->kind->send(host->net, frame);
}

static void request(void *context, const struct vm_block_request *request)
{
	struct vm_host *host = context;

	host->disk_pending++;
	vm_block_begin(host->disk, request);
}

static void event(void *context, const struct vm_event *event)
{
	struct vm_host *host = context;

	if (host->watch->event && !host->failed) {
		int code = host->watch->event(host->watch->context, event, &host->error);

		host->failed = code < 0 ? code : 0;
	}
}

/* Of wishes for entropy the machine is asked (look.c): the guest may have taken one back. */
static const struct vm_outside outside = {console, transmit, request, NULL, event};

/* ---- Made ------------------------------------------------------------------------------------ */

static int open_file(const char *path, struct vm_file *file, struct gw_error *error)
{
	if (!path)
		return 0;
	file->name = path;
	return vm_system_map(path, &file->bytes, error);
}

static int open_files(struct vm_host *host, struct gw_error *error)
{
	const struct gw_vm_options *options = &host->options;
	struct vm_load *load = &host->setup.load;
	int code;

	if (!options->kernel)
		return gw_fail(error, GW_E_INVALID, "no kernel is named");
	code = open_file(options->kernel, &load->kernel, error);
	if (code == 0)
		code = open_file(options->initrd, &load->initrd, error);
	if (code == 0)
		code = open_file(options->firmware, &load->firmware, error);
	load->bare = options->bare;
	load->tree.append = options->append;
	return code;
}

static int open_disk(struct vm_host *host, struct gw_error *error)
{
	const struct gw_vm_options *options = &host->options;
	int code;

	if (!options->disk)
		return 0;
	if (host->watch->disk)
		code = host->watch->disk(host->watch->context, options->disk,
					 options->disk_read_only, &host->disk, error);
	else
		code = vm_disk_open(&host->disk, options->disk, options->disk_read_only, error);
	if (code < 0)
		return code;
	host->setup.has_disk = true;
	host->setup.disk_bytes = host->disk->size;
	host->setup.disk_read_only = host->disk->read_only;
	return 0;
}

static int open_network(struct vm_host *host, struct gw_error *error)
{
	static const uint8_t address[VM_NET_ADDRESS_BYTES] = {0x52, 0x54, 0x00, 0x67, 0x77, 0x01};
	int code;

	if (!host->options.network)
		return 0;
	code = vm_net_open(&host->net, host->options.network, error);
	if (code < 0)
		return code;
	host->setup.has_network = true;
	memcpy(host->setup.network_address, address, sizeof(address));
	return 0;
}

static int open_memory(struct vm_host *host, struct gw_error *error)
{
	uint64_t size = host->options.memory_bytes & ~(uint64_t)(VM_PAGE_BYTES - 1);

	if (size < VM_MACHINE_RAM_BYTES_MIN || size > VM_MACHINE_RAM_BYTES_MAX)
		return gw_fail(error, GW_E_INVALID,
			       "memory of %" PRIu64 " MiB: %" PRIu64 " to %" PRIu64
			       " MiB are allowed", host->options.memory_bytes >> 20,
			       VM_MACHINE_RAM_BYTES_MIN >> 20, VM_MACHINE_RAM_BYTES_MAX >> 20);
	host->setup.ram_size = size;
	return vm_system_memory(size, &host->setup.ram, error);
}

static int make(struct vm_host *host, struct gw_error *error)
{
	struct vm_machine_setup *setup = &host->setup;
	int code = open_memory(host, error);

	setup->outside = outside;
	setup->context = host;
	setup->start_ns = vm_system_wall_ns();
	if (code == 0)
		code = vm_host_use_image(host, error);
	if (code == 0)
		code = open_files(host, error);
	if (code == 0)
		code = open_disk(host, error);
	if (code == 0)
		code = open_network(host, error);
	if (code == 0)
		code = vm_system_random(setup->seed, sizeof(setup->seed), error);
	if (code == 0 && host->watch->start)
		code = host->watch->start(host->watch->context, setup, error);
	if (code == 0)
		code = vm_machine_new(&host->machine, setup, error);
	return code;
}

static void done(struct vm_host *host)
{
	const struct vm_load *load = &host->setup.load;

	vm_machine_free(host->machine);
	vm_net_close(host->net);
	vm_disk_close(host->disk);
	vm_system_unmap(load->firmware.bytes.data, load->firmware.bytes.size);
	vm_system_unmap(load->initrd.bytes.data, load->initrd.bytes.size);
	vm_system_unmap(load->kernel.bytes.data, load->kernel.bytes.size);
	vm_system_unmap(host->setup.ram, host->setup.ram_size);
}

/* ---- Run ------------------------------------------------------------------------------------- */

static uint64_t next_look(const struct vm_host *host)
{
	uint64_t next = vm_machine_count(host->machine) +
			(host->disk_pending ? VM_HOST_POLL_INSTRUCTIONS_SOON :
					      VM_HOST_POLL_INSTRUCTIONS);

	if (host->watch->next) {
		uint64_t wanted = host->watch->next(host->watch->context);

		next = wanted < next ? wanted : next;
	}
	return next;
}

static int restart(struct vm_host *host, struct gw_error *error)
{
	int code = vm_machine_restart(host->machine, error);

	host->off = false;
	host->held_size = 0;
	if (code == 0 && host->watch->restart)
		code = host->watch->restart(host->watch->context, host->machine, error);
	return code;
}

/* Why the run is over; 0: it is not. */
static enum gw_vm_end over(const struct vm_host *host, enum vm_pause why)
{
	if (host->console.escaped)
		return GW_VM_ESCAPED;
	if (host->signalled)
		return GW_VM_SIGNALLED;
	switch (why) {
	case VM_PAUSE_OFF:
		return GW_VM_OFF;
	case VM_PAUSE_FAILED:
		return GW_VM_FAILED;
	case VM_PAUSE_RESET:
		return host->options.no_restart ? GW_VM_RESET : 0;
	default:
		return 0;
	}
}

static int step(struct vm_host *host, enum gw_vm_end *end, struct gw_error *error)
{
	enum vm_pause why = vm_machine_run(host->machine, next_look(host));
	int code = 0;

	host->exits++;
	vm_console_flush(&host->console);
	if (host->console.failed)
		return gw_fail_errno(error, host->console.failed, "the console's output");
	if (host->watch->pause)
		code = host->watch->pause(host->watch->context, host->machine, error);
	*end = over(host, why);
	if (code < 0 || *end)
		return code;
	if (why == VM_PAUSE_RESET)
		return restart(host, error);
	return vm_host_look(host, why == VM_PAUSE_WAIT, error);
}

static int run(struct vm_host *host, struct gw_vm_result *result, struct gw_error *error)
{
	int code = 0;

	host->zero_ns = vm_system_now_ns();
	result->end = 0;
	while (code == 0 && !result->end)
		code = step(host, &result->end, error);
	result->instructions = vm_machine_count(host->machine);
	result->events = host->events;
	if (code == 0 && host->watch->end)
		code = host->watch->end(host->watch->context, host->machine, result->end, error);
	return code;
}

/* Signals that end a program end the run, so that the terminal is restored. */
static void catch_signals(struct vm_host *host, sigset_t *before)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	host->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	sigaddset(&signals, SIGPIPE); /* writing fails, instead */
	(void)pthread_sigmask(SIG_BLOCK, &signals, before);
}

static void release_signals(struct vm_host *host, const sigset_t *before)
{
	struct signalfd_siginfo taken;

	if (host->signals >= 0) {
		while (read(host->signals, &taken, sizeof(taken)) > 0)
			;
		close(host->signals);
	}
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static int open_doors(struct vm_host *host, struct gw_error *error)
{
	const struct gw_vm_options *options = &host->options;
	int code = 0;

	vm_console_open(&host->console, options->console_in, options->console_out);
	if (options->console)
		code = vm_console_place(&host->console, options->console, error);
	if (code == 0 && options->control)
		code = vm_control_open(&host->control, options->control, error);
	return code;
}

static void fill_in(struct gw_vm_options *options)
{
	if (options->memory_bytes == 0)
		options->memory_bytes = GW_VM_MEMORY_BYTES;
	if (options->console_in == 0 && options->console_out == 0)
		options->console_out = STDOUT_FILENO;
}

int vm_host_run(const struct gw_vm_options *options, const struct vm_host_watch *watch,
		struct gw_vm_result *result, struct gw_error *error)
{
	static const struct vm_host_watch nobody;
	struct vm_host *host = calloc(1, sizeof(*host));
	sigset_t before;
	int code;

	if (!host)
		return gw_fail(error, GW_E_NO_MEMORY, "a machine: out of memory");
	host->options = *options;
	fill_in(&host->options);
	host->watch = watch ? watch : &nobody;
	code = make(host, error);
	if (code == 0) {
		catch_signals(host, &before);
		code = open_doors(host, error);
		if (code == 0)
			code = run(host, result, error);
		vm_console_close(&host->console);
		vm_control_close(&host->control);
		release_signals(host, &before);
	}
	done(host);
	free(host);
	return code;
}
