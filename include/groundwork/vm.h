/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/vm.h - the machine (`gw vm`): a RISC-V computer (RV64GC, docs/vm.md) whose every step
 * follows from its start and from what came in, at which instruction. So a run can be recorded, and
 * made again as it was.
 *
 *     struct gw_vm_options options = {.image = "image", .record = "log"};
 *     struct gw_vm_replay_options again = {.log = "log"};
 *     struct gw_vm_result result;
 *     struct gw_vm_replay_result replayed;
 *     struct gw_error error = {0};
 *     int code = gw_vm_run(&options, &result, &error);
 *
 *     if (code == 0)
 *             code = gw_vm_replay(&again, &replayed, &error);
 *     if (code == 0)
 *             printf("%llu instructions, %llu hashes equal\n",
 *                    (unsigned long long)replayed.instructions,
 *                    (unsigned long long)replayed.hashes);
 *     else
 *             fprintf(stderr, "%s\n", error.text);
 *
 * An image is made by `gw vm image make DIR --minimal`.
 *
 * Threads. Each function does its work on the calling thread and returns when it is done; several
 * machines may run in several threads, each with a console of its own. While gw_vm_run runs it
 * takes SIGINT, SIGTERM and SIGHUP of its thread, which end the run (GW_VM_SIGNALLED); a program
 * with other threads blocks them there. No tasks are needed (task.h), and none can run meanwhile.
 *
 * Errors are those of groundwork/base.h: a negative code, and a sentence in error, which may be
 * NULL. What a guest does to itself is no error of ours: it is in the result.
 *
 * Ownership. Options and what they point to need last only until the function returns. Files are
 * read where they are and must not change while a machine runs from them.
 */
#ifndef GROUNDWORK_VM_H
#define GROUNDWORK_VM_H

#include <groundwork/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GW_VM_MEMORY_BYTES (UINT64_C(512) << 20)

/* ---- Run ------------------------------------------------------------------------------------- */

/* Zero is the default; a machine wants an image or a kernel. */
struct gw_vm_options {
	/* A directory with kernel, and it may be initrd, disk and append (the command line), which
	 * are used where the fields below say nothing. */
	const char *image;
	const char *kernel;    /* a Linux Image, or an ELF file */
	const char *initrd;    /* NULL: none */
	const char *firmware;  /* OpenSBI; NULL: the machine answers SBI calls by itself */
	const char *disk;      /* a raw file or a block device; NULL: none. Locked while it runs */
	bool disk_read_only;
	const char *network;   /* "user": connect to the outside; "tap:NAME"; NULL: none */
	const char *append;    /* the kernel's command line; NULL: none */
	uint64_t memory_bytes; /* 4 MiB to 64 GiB; 0: GW_VM_MEMORY_BYTES */
	bool bare;             /* the kernel is a program in machine mode, without SBI */
	bool no_restart;       /* a reset by the guest ends the run */
	/* A new file that gets the log of the run (GW_E_EXISTS: there is one). The disk is then not
	 * written to: the guest writes to memory. NULL: no log. */
	const char *record;
	/* NULL: the descriptors below; "file:PATH": output only; "unix:PATH": a socket, at which
	 * one at a time may listen and type. */
	const char *console;
	/* A directory that nobody else may enter, made if it is not there, for gw_vm_ask; NULL:
	 * none. */
	const char *control;
	/* Both 0: standard input and output. A terminal is in raw mode meanwhile. */
	int console_in, console_out;
};

enum gw_vm_end {
	GW_VM_OFF = 1,   /* the guest switched off, or power off was asked for */
	GW_VM_RESET,     /* it wanted to start again, and no_restart was set */
	GW_VM_FAILED,    /* it switched off and said that it failed */
	GW_VM_ESCAPED,   /* Ctrl-A x was typed */
	GW_VM_SIGNALLED, /* SIGINT, SIGTERM or SIGHUP */
};

struct gw_vm_result {
	enum gw_vm_end end;
	uint64_t instructions;
	uint64_t events; /* that came in */
};

/* Runs a machine until it is off; result is set when 0 is returned. */
int gw_vm_run(const struct gw_vm_options *options, struct gw_vm_result *result,
	      struct gw_error *error) GW_MUST_CHECK;

/* ---- Again ----------------------------------------------------------------------------------- */

struct gw_vm_replay_options {
	const char *log;
	/* Where these are; NULL: where they were. They must be those that were recorded, which is
	 * checked by their SHA-256; none is written to. */
	const char *kernel, *initrd, *firmware, *disk;
	const char *from;     /* a snapshot of this recording to begin at; NULL: its start */
	uint64_t until;       /* instructions; 0: to the log's end */
	const char *snapshot; /* a new file that gets a snapshot of where it ends; NULL: none */
	/* What the guest says; NULL: nobody listens. */
	void (*console)(void *context, uint8_t byte);
	void *context;
};

enum gw_vm_replay_end {
	GW_VM_REPLAY_STOPPED = 1, /* at `until`; the log goes on */
	GW_VM_REPLAY_ENDED,       /* where the recording did */
	GW_VM_REPLAY_TORN,        /* at the last record, for its recorder was killed */
};

struct gw_vm_replay_result {
	enum gw_vm_replay_end end;
	uint64_t instructions;
	uint64_t events; /* that came in */
	uint64_t hashes; /* of all its state that were compared, and equal */
};

/*
 * Makes a recorded run again; result is set when 0 is returned. GW_E_CORRUPT: the run is another
 * than the one recorded, or the log is damaged; GW_E_INVALID: a file is not the one that was
 * recorded; GW_E_VERSION.
 */
int gw_vm_replay(const struct gw_vm_replay_options *options, struct gw_vm_replay_result *result,
		 struct gw_error *error) GW_MUST_CHECK;

/* ---- A machine that runs --------------------------------------------------------------------- */

/*
 * Asks or tells the machine whose `control` is this directory: "status" (lines of a name, a space
 * and a value), "pause", "resume", "power off", "power reset", "snapshot PATH" (an absolute path;
 * of a machine that is recorded). What it says is put into answer, with a zero behind it, as much
 * as has room; returns how long it is. GW_E_NOT_FOUND: none runs there; else what the machine
 * says.
 */
int gw_vm_ask(const char *directory, const char *request, char *answer, size_t size,
	      struct gw_error *error) GW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
