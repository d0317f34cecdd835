# SPDX-License-Identifier: Apache-2.0
# A line "WORD<TAB>1" for each word.
{
	for (i = 1; i <= NF; i++)
		print $i "\t1"
}
END {
	print "reporter:counter:words,lines," NR > "/dev/stderr"
}
