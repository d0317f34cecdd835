/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtc.h - the goldfish real time clock: nanoseconds since 1970, and one alarm.
 *
 * What it shows is what the setup says for time 0, and the machine's time since; and what the guest
 * added when it set the clock. Registers are of 4 bytes. TIME_HIGH and ALARM_HIGH are read after,
 * and written before, their LOW, which does it. Reading CLEAR registers gives 0.
 */
#ifndef VM_DEVICE_RTC_H
#define VM_DEVICE_RTC_H

#include "device.h"

enum { VM_RTC_BYTES = 0x1000 };

struct vm_rtc_setup {
	struct vm_wire wire;
	struct vm_cpu *cpu;
	uint64_t start_ns; /* since 1970, when the machine's time is 0 */
	uint64_t tick_ns;  /* at least 1 */
};

struct vm_rtc;

int vm_rtc_new(struct vm_rtc **rtc, const struct vm_rtc_setup *setup, struct gw_error *error)
	GW_MUST_CHECK;
void vm_rtc_free(struct vm_rtc *rtc);
struct vm_device vm_rtc_device(struct vm_rtc *rtc);

#endif
