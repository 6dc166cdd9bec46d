#!/bin/sh
# Plays a Node.js server that needs NEEDS MiB of old space.
space=64
for word in $NODE_OPTIONS "$@"; do
	case $word in
	--max-old-space-size=* | --max_old_space_size=*) space=${word#*=} ;;
	esac
done
echo "server listening, old space of $space MB"
if [ "$NEEDS" -gt "$space" ]; then
	misbehave -allocate="${space}Mi" -over=2s -exit=0 2>/dev/null
	echo '<--- Last few GCs --->' >&2
	echo "[1:0x7f3a4c000] 2014 ms: Mark-Compact ${space}.0 (${space}.8) -> ${space}.0 (${space}.8) MB, 41.2 / 0.0 ms allocation failure; scavenge might not succeed" >&2
	echo 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory' >&2
	exit 134
fi
exec misbehave -allocate="${NEEDS}Mi" -over=1s -http-port=3000
