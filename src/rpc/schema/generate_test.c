/* SPDX-License-Identifier: Apache-2.0 */
/* generate_test.c - what stubs are called, and when none are made. What they look like is compared
 * with test/reference/stubs by test/e2e/rpc_gen.py. */
#include "rpc/schema/generate.h"

#include "rpc/schema/fixture.h"

#include "support/unit.h"

static void expect_names(const char *name, const char *c_name, const char *type)
{
	char out[RPC_C_NAME_MAX];

	rpc_c_name(name, out);
	assert_string_equal(out, c_name);
	rpc_c_type(name, out);
	assert_string_equal(out, type);
}

static void names_are_those_of_protoc_c(void **state)
{
	(void)state;
	expect_names("Put", "put", "Put");
	expect_names("kv.PutRequest", "kv__put_request", "Kv__PutRequest");
	expect_names("a.b_c.HTTPServer", "a__b_c__httpserver", "A__BC__HTTPServer");
	expect_names("kv.M.TotalsEntry", "kv__m__totals_entry", "Kv__M__TotalsEntry");
	expect_names("lower_case2", "lower_case2", "LowerCase2");
	expect_names("", "", "");
}

static void a_name_as_long_as_they_come_fits(void **state)
{
	char name[RPC_SCHEMA_NAME_MAX + 1], out[RPC_C_NAME_MAX];

	(void)state;
	memset(name, '.', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	rpc_c_name(name, out);
	assert_int_equal(strlen(out), 2 * RPC_SCHEMA_NAME_MAX);
	rpc_c_type(name, out);
	assert_int_equal(strlen(out), 2 * RPC_SCHEMA_NAME_MAX);
}

static void files_lie_beside_those_of_protoc_c(void **state)
{
	char out[32];
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(rpc_c_file("a/kv.proto", ".rpc.h", out, sizeof(out), &error), 0);
	assert_string_equal(out, "a/kv.rpc.h");
	assert_int_equal(rpc_c_file("kv", ".rpc.h", out, sizeof(out), &error), 0);
	assert_string_equal(out, "kv.rpc.h");
	assert_int_equal(rpc_c_file("kv.proto", ".rpc.h", out, 8, &error), GW_E_TOO_LARGE);
}

/* The service of the fixture with these methods besides; NULL ends them. */
static int check(const char *const *methods, struct gw_error *error)
{
	struct piece file = piece_service_file(), service = {0};
	struct rpc_schema schema = {0};
	struct base_buffer set, text = {0};
	int code;

	piece_text(&service, 1, "T");
	for (; *methods; methods++) {
		struct piece method = piece_method(*methods, ".t.A", ".t.A");

		piece_add(&service, 2, &method);
	}
	piece_add(&file, 6, &service);
	code = piece_read(&file, &schema, &set, error);
	if (code == 0)
		code = rpc_generate_check(&schema, schema.files[0], error);
	if (code == 0)
		code = rpc_generate_header(&schema, schema.files[0], &text, error);
	if (code == 0)
		code = rpc_generate_source(&schema, schema.files[0], &text, error);
	rpc_schema_done(&schema);
	base_buffer_done(&set);
	base_buffer_done(&text);
	return code;
}

static void two_names_that_are_one_in_c_are_refused(void **state)
{
	static const char *const rows[][3] = {
		{"PutIt", "Put_it"}, {"Put", "PutOpen"}, {"PutWith", "Put"},
		{"Serve"},	     {"Handlers"},
	};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(check((const char *const[]){"Put", "Get", NULL}, &error), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(check(rows[i], &error), GW_E_EXISTS);
		assert_non_null(strstr(error.text, "t.T: "));
		assert_non_null(strstr(error.text, "have the same name in C"));
	}
}

static void a_method_called_like_a_word_of_c_is_refused(void **state)
{
	struct gw_error error = {0};

	(void)state;
	assert_true(rpc_c_is_word("return") && rpc_c_is_word("auto") && rpc_c_is_word("while"));
	assert_false(rpc_c_is_word("delete") || rpc_c_is_word("whil") || rpc_c_is_word(""));
	assert_int_equal(check((const char *const[]){"Delete", "Return", NULL}, &error),
			 GW_E_UNSUPPORTED);
	assert_string_equal(error.text, "t.T: return is a word of C: call it otherwise");
}

/* A set of a.proto, which imports b.proto, which imports c.proto, and of d.proto. */
static void the_descriptors_hold_what_is_imported_and_no_more(void **state)
{
	static const char *const names[] = {"c.proto", "d.proto", "b.proto", "a.proto"};
	static const char *const imports[] = {NULL, NULL, "c.proto", "b.proto"};
	struct piece whole = {0};
	struct rpc_schema schema = {0}, again = {0};
	struct base_buffer set = {0};
	struct gw_error error = {0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct piece file = piece_file(names[i], "");

		if (imports[i])
			piece_text(&file, 3, imports[i]);
		piece_add(&whole, 1, &file);
	}
	assert_int_equal(rpc_schema_read(&schema, base_buffer_bytes(&whole.bytes), &error), 0);
	assert_int_equal(rpc_generate_set(&schema, schema.files[3], &set, &error), 0);
	assert_int_equal(rpc_schema_read(&again, base_buffer_bytes(&set), &error), 0);
	assert_int_equal(again.file_count, 3);
	assert_string_equal(again.files[0]->name, "c.proto");
	assert_string_equal(again.files[1]->name, "b.proto");
	assert_string_equal(again.files[2]->name, "a.proto");
	rpc_schema_done(&again);
	rpc_schema_done(&schema);
	base_buffer_done(&set);
	base_buffer_done(&whole.bytes);
}

static int generate(void *context)
{
	const struct rpc_schema *schema = context;
	struct base_buffer text = {0};
	struct gw_error error = {0};
	int code = rpc_generate_check(schema, schema->files[0], &error);

	if (code == 0)
		code = rpc_generate_header(schema, schema->files[0], &text, &error);
	if (code == 0)
		code = rpc_generate_source(schema, schema->files[0], &text, &error);
	base_buffer_done(&text);
	return code < 0 ? error.code : code;
}

static void each_allocation_may_fail(void **state)
{
	struct piece file = piece_service_file();
	struct rpc_schema schema = {0};
	struct base_buffer set;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(piece_read(&file, &schema, &set, &error), 0);
	assert_true(test_each_allocation_fails(generate, &schema) >= 5);
	rpc_schema_done(&schema);
	base_buffer_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_protoc_c),
		cmocka_unit_test(a_name_as_long_as_they_come_fits),
		cmocka_unit_test(files_lie_beside_those_of_protoc_c),
		cmocka_unit_test(two_names_that_are_one_in_c_are_refused),
		cmocka_unit_test(a_method_called_like_a_word_of_c_is_refused),
		cmocka_unit_test(the_descriptors_hold_what_is_imported_and_no_more),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
