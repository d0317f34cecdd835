/* SPDX-License-Identifier: Apache-2.0 */
/*
 * system.h - what is asked of the system once, at the start, and its clocks.
 */
#ifndef VM_HOST_SYSTEM_H
#define VM_HOST_SYSTEM_H

#include <groundwork/base.h>

/* A file mapped read-only; an empty one has no bytes. */
int vm_system_map(const char *path, struct gw_bytes *bytes, struct gw_error *error) GW_MUST_CHECK;
/* Memory that is zero and page-aligned. */
int vm_system_memory(uint64_t size, uint8_t **memory, struct gw_error *error) GW_MUST_CHECK;
/* Gives either back; NULL is fine. */
void vm_system_unmap(const void *bytes, size_t size);

uint64_t vm_system_now_ns(void);  /* monotonic */
uint64_t vm_system_wall_ns(void); /* since 1970 */
void vm_system_sleep_ms(uint32_t ms); /* or less, when a signal comes */
int vm_system_random(void *bytes, size_t size, struct gw_error *error) GW_MUST_CHECK;

#endif
