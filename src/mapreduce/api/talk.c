/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk.c - see talk.h.
 */
#include "talk.h"

#include "mapreduce/engine/host_look.h"
#include "progress.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

void mr_say(struct gw_bytes text)
{
	if (text.size > 0)
		(void)fwrite(text.data, 1, text.size, stderr);
	(void)fflush(stderr);
}

int mr_put(struct gw_bytes text, struct gw_error *error)
{
	if (text.size > 0 && fwrite(text.data, 1, text.size, stdout) != text.size)
		return gw_fail_errno(error, errno, "standard output");
	if (fflush(stdout) != 0)
		return gw_fail_errno(error, errno, "standard output");
	return 0;
}

void mr_talker_clear(struct mr_talker *talker)
{
	if (talker->drawn)
		mr_say(gw_string("\r\033[K"));
	talker->drawn = false;
}

static void tick(void *context, const struct mr_view *view)
{
	struct mr_talker *talker = context;
	char line[MR_PROGRESS_MAX];

	assert(talker->talk && talker->talk->talks);
	if (view->phase != talker->begun.phase || talker->begun.now_us == 0)
		talker->begun = *view;
	if (talker->columns == 0 && view->now_us < talker->plain_us)
		return;
	talker->plain_us = view->now_us + MR_PLAIN_US;
	mr_progress_line(talker->talk->name, view, &talker->begun,
			 talker->columns > 0 ? talker->columns - 1 : MR_PROGRESS_MAX, line);
	if (talker->columns > 0)
		mr_say(gw_string("\r"));
	mr_say(gw_string(line));
	mr_say(gw_string(talker->columns > 0 ? "\033[K" : "\n"));
	talker->drawn = talker->columns > 0;
}

static void failed(void *context, const struct mr_failure_report *failure)
{
	struct mr_talker *talker = context;
	struct base_buffer text = {0};

	assert(talker->talk && talker->talk->talks);
	if (failure->again && talker->failed)
		return;
	talker->failed = true;
	mr_talker_clear(talker);
	if (mr_failure_text(failure, talker->talk, &text, NULL) == 0)
		mr_say(base_buffer_bytes(&text));
	base_buffer_done(&text);
}

/* Of a job that is to be quiet only the failure that ended it is told. */
static void failed_quietly(void *context, const struct mr_failure_report *failure)
{
	if (failure->decided)
		failed(context, failure);
}

static void printed(void *context, const char *data, size_t size)
{
	mr_talker_clear(context);
	mr_say((struct gw_bytes){data, size});
}

void mr_talker_init(struct mr_talker *talker, const struct mr_talk *talk,
		    const struct gw_mr_options *options)
{
	*talker = (struct mr_talker){.talk = talk, .plain_us = MR_PLAIN_US};
	talker->observer.context = talker;
	if (options->show_stderr)
		talker->observer.printed = printed;
	if (!talk->talks)
		return;
	talker->observer.failed = options->quiet ? failed_quietly : failed;
	if (options->quiet)
		return;
	talker->columns = mr_look_terminal(2);
	talker->observer.tick = tick;
	talker->observer.tick_us = talker->columns > 0 ? MR_REDRAW_US : MR_PLAIN_US;
}
