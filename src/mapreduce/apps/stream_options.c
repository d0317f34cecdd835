/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_options.c - the table, and the walk over the command line that sorts its words into
 * Hadoop's and the library's.
 */
#include "stream_options.h"

#include <assert.h>
#include <stdlib.h>

#define KNOWN(long_name, field, argument, help, known)                                             \
	{                                                                                          \
		long_name, 0, GW_OPTION_STRING, offsetof(struct mr_stream_options, field),         \
			argument, help, known                                                      \
	}
#define STRING(long_name, field, argument, help)                                                   \
	KNOWN(long_name, field, argument, help, NULL)
#define LIST(long_name, letter, field, argument, help)                                             \
	{                                                                                          \
		long_name, letter, GW_OPTION_LIST, offsetof(struct mr_stream_options, field),      \
			argument, help, NULL                                                       \
	}
#define FLAG(long_name, field, help)                                                               \
	{                                                                                          \
		long_name, 0, GW_OPTION_FLAG, offsetof(struct mr_stream_options, field), NULL,     \
			help, NULL                                                                 \
	}

const struct gw_option mr_stream_option_table[] = {
	LIST("input", 0, inputs, "PATH", "Read this file or directory; also a,b and patterns"),
	STRING("output", output, "DIR", "Write to this directory, which must not exist"),
	STRING("mapper", mapper, "COMMAND", "Run this for the lines of the input (default: none)"),
	STRING("reducer", reducer, "COMMAND",
	       "Run this for the sorted pairs; NONE: map only; aggregate (default: none)"),
	STRING("combiner", combiner, "COMMAND", "Run this for sorted pairs of one map task"),
	STRING("numReduceTasks", reduces, "N", "Number of reducers; 0: map only (default: 1)"),
	KNOWN("partitioner", partitioner, "CLASS", "What gives a key to a reducer",
	      "HashPartitioner|KeyFieldBasedPartitioner|TotalOrderPartitioner|..."),
	LIST("files", 0, files, "A,B#NAME", "Files to find in the directory of the commands"),
	LIST("archives", 0, archives, "A.tgz#DIR", "Archives to find unpacked there"),
	LIST("file", 0, single_files, "FILE", "The same as -files, one at a time"),
	LIST("cacheFile", 0, cache_files, "FILE#NAME", "The same as -files, one at a time"),
	LIST("cacheArchive", 0, cache_archives, "FILE#DIR", "The same as -archives, one at a time"),
	LIST("cmdenv", 0, variables, "NAME=VALUE", "Set this in the environment of the commands"),
	LIST("define", 'D', properties, "NAME=VALUE", "Set a property of the job"),
	LIST("jobconf", 0, job_properties, "NAME=VALUE", "The same as -D"),
	LIST("conf", 0, configurations, "FILE", "Set the properties in this Hadoop configuration"),
	LIST("additionalconfspec", 0, more_configurations, "FILE", "The same as -conf"),
	KNOWN("inputformat", input_format, "CLASS", "What makes records of the input",
	      "TextInputFormat|CombineTextInputFormat|KeyValueTextInputFormat|NLineInputFormat|"
	      "..."),
	STRING("inputreader", input_reader, "SPEC", "StreamXmlRecord,begin=MARK,end=MARK"),
	KNOWN("outputformat", output_format, "CLASS", "What writes the output",
	      "TextOutputFormat|..."),
	KNOWN("io", io, "ID", "text: KEY TAB VALUE always; keyonlytext: a line is a key",
	      "text|keyonlytext|..."),
	STRING("mapdebug", map_debug, "COMMAND", "Run this when a mapper failed"),
	STRING("reducedebug", reduce_debug, "COMMAND", "Run this when a reducer failed"),
	FLAG("lazyOutput", lazy_output, "Leave out parts that are empty"),
	FLAG("background", background, "Do not wait; the report goes to OUTPUT.log"),
	FLAG("verbose", verbose, "Print the properties of the job first"),
	FLAG("debug", debug, "Accepted, without effect"),
	FLAG("info", info, "Print more help"),
	KNOWN("fs", file_system, "URI", "There is no other here", "local|file:///|..."),
	STRING("dfs", old_file_system, "URI", "The same as -fs"),
	KNOWN("jt", job_tracker, "HOST", "There is no other here", "local|..."),
	STRING("libjars", jars, "JARS", "Refused: there is no Java here"),
	{0},
};

struct walk {
	int argc, next;
	char **argv;
	struct mr_strings *all;  /* the rewritten command line */
	struct mr_strings *mine; /* its part that is Hadoop's */
	struct mr_library_options *library;
	struct gw_error *error;
};

static const struct gw_option *find_name(const char *name, size_t size)
{
	for (const struct gw_option *option = mr_stream_option_table; option->name; option++) {
		if (strlen(option->name) == size && memcmp(option->name, name, size) == 0)
			return option;
	}
	return NULL;
}

/* The word "--name" or "--name=value", into one list or both. */
static int add_long(struct walk *walk, const char *name, bool mine)
{
	char *word = NULL;
	int result;

	word = malloc(strlen(name) + 3);
	if (!word)
		return gw_fail(walk->error, GW_E_NO_MEMORY, "no memory for arguments");
	memcpy(word, "--", 2);
	memcpy(word + 2, name, strlen(name) + 1);
	result = mr_strings_add(walk->all, gw_string(word), walk->error);
	if (!result && mine)
		result = mr_strings_add(walk->mine, gw_string(word), walk->error);
	free(word);
	return result;
}

static int add_word(struct walk *walk, const char *word, bool mine)
{
	int result = mr_strings_add(walk->all, gw_string(word), walk->error);

	return result || !mine ? result : mr_strings_add(walk->mine, gw_string(word), walk->error);
}

/* Hadoop lets these be followed by several values: "-input a b". */
static bool takes_several(const struct gw_option *option)
{
	return strcmp(option->name, "input") == 0 || strcmp(option->name, "file") == 0 ||
	       strcmp(option->name, "cacheFile") == 0 || strcmp(option->name, "cacheArchive") == 0;
}

/* An option of the table; name is behind the dashes. */
static int take_mine(struct walk *walk, const struct gw_option *option, const char *name)
{
	int result = add_long(walk, name, true);

	assert(walk->next <= walk->argc);
	if (result || option->type == GW_OPTION_FLAG)
		return result;
	if (!strchr(name, '=')) {
		if (walk->next == walk->argc)
			return gw_fail(walk->error, GW_E_USAGE, "-%s: needs a value (%s)",
				       option->name, option->argument);
		result = add_word(walk, walk->argv[walk->next++], true);
	}
	while (!result && takes_several(option) && walk->next < walk->argc &&
	       walk->argv[walk->next][0] != '-') {
		result = add_long(walk, option->name, true);
		if (!result)
			result = add_word(walk, walk->argv[walk->next++], true);
	}
	return result;
}

/* "-D name=value" and "-Dname=value" */
static int take_define(struct walk *walk, const char *word)
{
	const char *value = word + 2;
	int result;

	assert(word[0] == '-' && word[1] == 'D');
	if (!*value) {
		if (walk->next == walk->argc)
			return gw_fail(walk->error, GW_E_USAGE, "-D: needs a value (NAME=VALUE)");
		value = walk->argv[walk->next++];
	}
	result = add_word(walk, "-D", true);
	return result ? result : add_word(walk, value, true);
}

/* The value of an option of the library that is looked at here, too: behind '=' or the next
 * word. */
static const char *peek(const struct walk *walk, const char *name)
{
	const char *equals = strchr(name, '=');

	if (equals)
		return equals + 1;
	return walk->next < walk->argc ? walk->argv[walk->next] : NULL;
}

static void look_at(struct walk *walk, const char *name)
{
	struct mr_library_options *library = walk->library;
	size_t size = strcspn(name, "=");
	const struct flag {
		const char *name;
		bool *value;
	} flags[] = {{"help", &library->help}, {"skip-bad-records", &library->skip_bad_records},
		     {"quiet", &library->quiet}, {"json", &library->json},
		     {"only-map", &library->only}, {"only-reduce", &library->only}};
	const struct value {
		const char *name, **value;
	} values[] = {{"temporary", &library->temporary}, {"memory", &library->memory},
		      {"parts", &library->parts}};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strlen(flags[i].name) == size && memcmp(flags[i].name, name, size) == 0)
			*flags[i].value = true;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (strlen(values[i].name) == size && memcmp(values[i].name, name, size) == 0)
			*values[i].value = peek(walk, name);
	}
}

/* A long option that is not ours, with its dashes as the library wants them. */
static int take_library(struct walk *walk, const char *name)
{
	size_t size = strcspn(name, "=");
	const char *limit;

	if (size == strlen("record-timeout") && memcmp(name, "record-timeout", size) == 0) {
		limit = peek(walk, name);
		if (!limit)
			return gw_fail(walk->error, GW_E_USAGE,
				       "--record-timeout: needs a value (TIME)");
		walk->library->record_timeout = limit;
		walk->next += !name[size];
		return 0;
	}
	look_at(walk, name);
	return add_long(walk, name, false);
}

/* One dash and a word that cannot be letters with a number: "-memory", not "-j4". */
static bool is_long(const char *word)
{
	size_t size = 1;

	assert(word[0] == '-');
	while ((word[size] >= 'a' && word[size] <= 'z') ||
	       (word[size] >= 'A' && word[size] <= 'Z') || (word[size] == '-' && size > 1))
		size++;
	return size > 3 && (word[size] == 0 || word[size] == '=');
}

static int take_word(struct walk *walk, const char *word)
{
	const struct gw_option *option;
	size_t dashes = strspn(word, "-");
	const char *name = word + dashes;

	if (dashes == 0 || dashes > 2 || !*name)
		return add_word(walk, word, false);
	option = find_name(name, strcspn(name, "="));
	if (option)
		return take_mine(walk, option, name);
	if (dashes == 1 && word[1] == 'D')
		return take_define(walk, word);
	if (dashes == 2 || is_long(word))
		return take_library(walk, name);
	walk->library->quiet |= strcmp(word, "-q") == 0;
	walk->library->help |= strcmp(word, "-h") == 0;
	return add_word(walk, word, false);
}

/* By now there are only options of the table, each with its value. */
static int store(struct walk *walk, struct mr_stream_options *options)
{
	struct gw_option_group groups[] = {{NULL, mr_stream_option_table, options}, {0}};
	char **operands;
	size_t count;
	int result = gw_options_parse(groups, GW_STYLE_GNU, (int)walk->mine->count,
				      walk->mine->items, &operands, &count, walk->error);

	assert(result || count == 0);
	free(operands);
	return result;
}

int mr_stream_options_parse(struct mr_stream_options *options, struct mr_library_options *library,
			    int argc, char **argv, struct mr_strings *rewritten,
			    struct gw_error *error)
{
	struct walk walk = {.argc = argc, .next = 1, .argv = argv, .all = rewritten,
			    .mine = &options->words, .library = library, .error = error};
	int result;

	assert(argc > 0 && argv[0]);
	*options = (struct mr_stream_options){0};
	*library = (struct mr_library_options){0};
	result = add_word(&walk, argv[0], true);
	while (!result && walk.next < argc)
		result = take_word(&walk, argv[walk.next++]);
	if (!result)
		result = mr_strings_end(walk.all, error);
	if (!result)
		result = mr_strings_end(walk.mine, error);
	if (!result)
		result = store(&walk, options);
	if (result)
		mr_stream_options_done(options);
	return result;
}

void mr_stream_options_clear(struct mr_stream_options *options)
{
	struct gw_option_group groups[] = {{NULL, mr_stream_option_table, options}, {0}};

	gw_options_done(groups);
}

void mr_stream_options_done(struct mr_stream_options *options)
{
	mr_stream_options_clear(options);
	mr_strings_done(&options->words);
}
