/* SPDX-License-Identifier: Apache-2.0 */
/* rtc.c - the goldfish real time clock. Nanoseconds wrap after 584 years, as its registers do. */
#include "rtc.h"

#include <assert.h>
#include <stdlib.h>

enum {
	TIME_LOW = 0x00,
	TIME_HIGH = 0x04,
	ALARM_LOW = 0x08,
	ALARM_HIGH = 0x0c,
	IRQ_ENABLED = 0x10,
	CLEAR_ALARM = 0x14,
	ALARM_STATUS = 0x18,
	CLEAR_INTERRUPT = 0x1c,
};

struct vm_rtc {
	struct vm_rtc_setup setup;
	uint64_t added_ns;   /* by the guest, when it set the clock */
	uint64_t alarm_ns;
	uint32_t read_high;  /* TIME_HIGH as of the last TIME_LOW */
	uint32_t time_high;  /* written, for the next TIME_LOW */
	uint32_t alarm_high;
	bool armed;
	bool pending;
	bool enabled;
};

static uint64_t now_ns(const struct vm_rtc *rtc)
{
	return rtc->setup.start_ns + vm_cpu_time(rtc->setup.cpu) * rtc->setup.tick_ns +
	       rtc->added_ns;
}

static void tick(void *device)
{
	struct vm_rtc *rtc = device;

	if (rtc->armed && now_ns(rtc) >= rtc->alarm_ns) {
		rtc->armed = false;
		rtc->pending = true;
	}
	vm_wire_set(&rtc->setup.wire, rtc->pending && rtc->enabled);
}

static uint64_t next(const void *device)
{
	const struct vm_rtc *rtc = device;
	uint64_t now = now_ns(rtc), time = vm_cpu_time(rtc->setup.cpu), ticks;

	if (!rtc->armed)
		return UINT64_MAX;
	if (now >= rtc->alarm_ns)
		return time;
	ticks = (rtc->alarm_ns - now - 1) / rtc->setup.tick_ns + 1;
	return ticks > UINT64_MAX - time ? UINT64_MAX : time + ticks;
}

static int read_register(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
	struct vm_rtc *rtc = device;
	uint64_t now = now_ns(rtc);

	if (size != 4)
		return GW_E_INVALID;
	switch (offset) {
	case TIME_LOW:
		rtc->read_high = (uint32_t)(now >> 32);
		*value = (uint32_t)now;
		break;
	case TIME_HIGH:
		*value = rtc->read_high;
		break;
	case ALARM_LOW:
		*value = (uint32_t)rtc->alarm_ns;
		break;
	case ALARM_HIGH:
		*value = (uint32_t)(rtc->alarm_ns >> 32);
		break;
	case IRQ_ENABLED:
		*value = rtc->enabled;
		break;
	case ALARM_STATUS:
		*value = rtc->armed;
		break;
	case CLEAR_ALARM:
	case CLEAR_INTERRUPT:
		break;
	default:
		return GW_E_INVALID;
	}
	return 0;
}

static int write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct vm_rtc *rtc = device;

	if (size != 4)
		return GW_E_INVALID;
	switch (offset) {
	case TIME_LOW:
		rtc->added_ns += ((uint64_t)rtc->time_high << 32 | value) - now_ns(rtc);
		break;
	case TIME_HIGH:
		rtc->time_high = (uint32_t)value;
		break;
	case ALARM_LOW:
		rtc->alarm_ns = (uint64_t)rtc->alarm_high << 32 | value;
		rtc->armed = true;
		break;
	case ALARM_HIGH:
		rtc->alarm_high = (uint32_t)value;
		break;
	case IRQ_ENABLED:
		rtc->enabled = value & 1;
		break;
	case CLEAR_ALARM:
		rtc->armed = false;
		break;
	case ALARM_STATUS:
		break;
	case CLEAR_INTERRUPT:
		rtc->pending = false;
		break;
	default:
		return GW_E_INVALID;
	}
	tick(rtc);
	vm_cpu_stop(rtc->setup.cpu);
	return 0;
}

static void reset(void *device)
{
	struct vm_rtc *rtc = device;

	*rtc = (struct vm_rtc){.setup = rtc->setup};
	tick(rtc);
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	struct vm_rtc *rtc = device;

	vm_field_u64(fields, &rtc->added_ns);
	vm_field_u64(fields, &rtc->alarm_ns);
	vm_field_u32(fields, &rtc->read_high);
	vm_field_u32(fields, &rtc->time_high);
	vm_field_u32(fields, &rtc->alarm_high);
	vm_field_bool(fields, &rtc->armed);
	vm_field_bool(fields, &rtc->pending);
	vm_field_bool(fields, &rtc->enabled);
}

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_RTC,
	.size = VM_RTC_BYTES,
	.read = read_register,
	.write = write_register,
	.reset = reset,
	.next = next,
	.tick = tick,
	.fields = walk_fields,
};

int vm_rtc_new(struct vm_rtc **out, const struct vm_rtc_setup *setup, struct gw_error *error)
{
	struct vm_rtc *rtc = calloc(1, sizeof(*rtc));

	assert(setup->tick_ns > 0);
	if (!rtc)
		return gw_fail(error, GW_E_NO_MEMORY, "a clock: out of memory");
	rtc->setup = *setup;
	reset(rtc);
	*out = rtc;
	return 0;
}

void vm_rtc_free(struct vm_rtc *rtc)
{
	free(rtc);
}

struct vm_device vm_rtc_device(struct vm_rtc *rtc)
{
	return (struct vm_device){&kind, rtc};
}
