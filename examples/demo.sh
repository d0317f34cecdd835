#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make demo` shows: a word count and an inverted index over the text of this machine, a question to the
# index, the text in a cluster of three chunkservers, and the same word count of what comes back by the shell.
#
#   sh examples/demo.sh [GW]
#
# Reads text that is there anyway; writes to a temporary directory, which is removed at the end.

set -u
gw=$(realpath "${1:-build/gw}") || exit 1
enough=$((150 * 1000000))
part_size=$((32 * 1000000))
work=$(mktemp -d) || exit 1
up= # the process of the cluster
finish() {
	[ -z "$up" ] || kill -9 "$up" 2>/dev/null
	wait
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1
export LC_ALL=C

milliseconds() {
	echo $(($(date +%s%N) / 1000000))
}

# timed COMMAND...: runs it and leaves its milliseconds, at least 1, in $took; its failure ends the demo.
timed() {
	started=$(milliseconds)
	"$@" || exit 1
	took=$(($(milliseconds) - started + 1))
}

# figures BYTES MILLISECONDS: "1.23 s, 456 MB/s"
figures() {
	printf '%d.%02d s, %d MB/s' $(($2 / 1000)) $(($2 % 1000 / 10)) $(($1 / $2 / 1000))
}

# shown WORD...: says what is run, and runs it.
shown() {
	printf '\n$ gw %s\n' "$*"
	timed "$gw" "$@"
}

# start_cluster: a cluster in one process; its address in $GW_CLUSTER when all three chunkservers are known.
start_cluster() {
	mkfifo listening || exit 1
	"$gw" gfs up --dir cluster --listen 127.0.0.1:0 >listening &
	up=$!
	read -r _ _ GW_CLUSTER <listening || exit 1
	export GW_CLUSTER
	while servers=$("$gw" fs df --json) && [ "$(echo "$servers" | grep -c '"lives": *true')" -lt 3 ]; do
		:
	done
}

bytes_of() {
	find -H "$@" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }'
}

shell_count() {
	tr -s ' \t\n\v\f\r' '\n' <part | grep -av '^$' | sort | uniq -c | awk '{ print $2 "\t" $1 }' >shell
}

awk_count() {
	awk '{ for (i = 1; i <= NF; i++) count[$i]++ } END { for (word in count) print word "\t" count[word] }' \
		part >awk
}

# Directories of text until there is enough, none with a file that may not be read.
set --
bytes=0
for directory in /usr/include /usr/share/doc /usr/share/man /usr/share/perl /usr/share/perl5 /usr/share/info \
	/usr/share/common-licenses /usr/share/vim /usr/share/i18n /usr/lib/python3 /usr/lib/python3.* /usr/src \
	/var/lib/dpkg/info /var/lib/apt/lists; do
	[ "$bytes" -lt "$enough" ] && [ -d "$directory" ] || continue
	[ -z "$(find -H "$directory" ! -readable -print -quit 2>&1)" ] || continue
	bytes=$((bytes + $(bytes_of "$directory")))
	set -- "$@" "$directory"
done
if [ $# -eq 0 ]; then
	echo "demo: there is no directory of text that may be read" >&2
	exit 1
fi
echo "The text: $((bytes / 1000000)) MB on disk in $*"

find -H "$@" -type f ! -name '*.gz' -exec cat {} + 2>/dev/null | head -c "$enough" >text
size=$(bytes_of text)
printf '\n%d MB of it go into a file system in one process: a master that keeps the names, and three chunkservers,\n' \
	$((size / 1000000))
printf 'which have a copy of each chunk.\n'
printf '\n$ gw gfs up --dir cluster &\n'
start_cluster
shown fs put text /text
echo "$(figures "$size" "$took"): the bytes are on the disks of all three. And back:"
shown fs get /text back
cmp text back || exit 1
echo "$(figures "$size" "$took"): the same bytes, their checksums looked at on the way."
kill -9 "$up"
wait "$up" 2>/dev/null
up=
rm -rf cluster text

shown mr wordcount --quiet "$@" words
echo "$(figures "$bytes" "$took"); $("$gw" mr cat words | wc -l) different words. The most frequent:"
shown mr cat --top 10 words

shown mr invindex --quiet "$@" index
echo "$(figures "$bytes" "$took"). Which files speak of memory, a lock and a signal?"
shown mr query --limit 5 index memory lock signal

echo
echo "The word count of $((part_size / 1000000)) MB of what came back from the cluster by"
head -c "$part_size" back | tr -d '\000' >part
timed "$gw" mr wordcount --quiet part ours
ours=$took
echo "    gw mr wordcount           $(figures "$part_size" "$ours")"
timed awk_count
echo "    awk                       $(figures "$part_size" "$took"), $((took / ours)) times as long"
timed shell_count
echo "    tr | sort | uniq -c       $(figures "$part_size" "$took"), $((took / ours)) times as long"
"$gw" mr cat ours | cmp - shell || exit 1
echo "with the same result."
