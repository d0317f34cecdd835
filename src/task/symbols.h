/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbols.h - the names of functions, for stack traces. The C library knows only those that are
 * exported; here the symbol table of each object's file is read, as far as it has one.
 */
#ifndef TASK_SYMBOLS_H
#define TASK_SYMBOLS_H

#include <groundwork/base.h>

enum { TASK_SYMBOL_OBJECTS_MAX = 8 }; /* that are kept open; functions of others have no name */

/* A program or shared library in this process. */
struct task_object {
	uintptr_t base;      /* what is added to its addresses */
	const uint8_t *file; /* mapped; NULL: it could not be read */
	size_t size;
	const char *name;    /* without directories */
};

struct task_symbols {
	struct task_object objects[TASK_SYMBOL_OBJECTS_MAX];
	size_t count;
};

/* Starts as {0}. */
void task_symbols_done(struct task_symbols *symbols);

/* Writes "function+0x1c (program)" for a return address of this process, or what of that can be
 * said; always ended by NUL. */
void task_symbols_describe(struct task_symbols *symbols, const void *address, char *text,
			   size_t size);

/* The name in an ELF file of the function that has the address (as the file counts), or NULL;
 * *offset: from its beginning. Any bytes will do. */
const char *task_symbols_find(const uint8_t *file, size_t size, uint64_t address,
			      uint64_t *offset);

#endif
