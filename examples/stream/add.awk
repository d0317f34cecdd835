# SPDX-License-Identifier: Apache-2.0
# Lines "WORD<TAB>COUNT" sorted by word: adds up the counts of each. A new word is where the last one ends.
BEGIN {
	FS = OFS = "\t"
}
NR > 1 && $1 != word {
	print word, sum
	sum = 0
}
{
	word = $1
	sum += $2
}
END {
	if (NR)
		print word, sum
}
