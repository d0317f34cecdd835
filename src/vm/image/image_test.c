/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include "scripts.h"
#include "support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was made is kept; a cache that is not a directory cannot keep it. */
static void a_failure_names_the_directory(void **state)
{
	struct vm_image_options options = {.directory = "/nowhere/image", .cache = "/dev/null"};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(vm_image_make_minimal(&options, &error), GW_E_FAILED);
	assert_non_null(strstr(error.text, "/nowhere/image"));
	assert_non_null(strstr(error.text, "status"));
}

static void the_scripts_are_whole(void **state)
{
	(void)state;
	assert_int_equal(strncmp(vm_image_script, "#!/bin/sh\n", 10), 0);
	assert_non_null(strstr(vm_image_script, "mirror() {\n\tapt-get indextargets"));
	assert_non_null(strstr(vm_image_script, "xz -dc"));
	assert_non_null(strstr(vm_image_init, "\"/modules/$module\""));
	assert_string_equal(vm_image_init + strlen(vm_image_init) - 12, "poweroff -f\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_names_the_directory),
		cmocka_unit_test(the_scripts_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
