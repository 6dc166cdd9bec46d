#!/bin/sh
# Plays a JVM whose program needs NEEDS MiB of heap and BESIDE MiB outside of it. With GROWS it fills whatever heap it
# is given, as programs do that leave their rubbish to the collector.
mib() {
	case $1 in
	*g | *G) echo $((${1%?} * 1024)) ;;
	*m | *M) echo "${1%?}" ;;
	*k | *K) echo $((${1%?} / 1024)) ;;
	*) echo $(($1 / 1048576)) ;;
	esac
}
limit=$(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | head -n 1)
case $limit in max | "" | ????????????????*) limit=1073741824 ;; esac
heap=0 percent=25
[ -z "$JAVA_TOOL_OPTIONS" ] || echo "Picked up JAVA_TOOL_OPTIONS: $JAVA_TOOL_OPTIONS" >&2
for word in $JAVA_TOOL_OPTIONS $JDK_JAVA_OPTIONS $JAVA_OPTS "$@"; do
	case $word in
	-Xmx*) heap=$(mib "${word#-Xmx}") ;;
	-XX:MaxRAMPercentage=*) percent=${word#*=} percent=${percent%%.*} ;;
	esac
done
[ "$heap" -gt 0 ] || heap=$((limit / 1048576 * percent / 100))
echo "INFO  c.e.Application - starting with a heap of ${heap}M"
if [ "${NEEDS:-0}" -gt "$heap" ]; then
	misbehave -allocate="${heap}Mi" -over=2s -exit=0 2>/dev/null
	echo 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space' >&2
	echo '	at java.base/java.util.Arrays.copyOf(Arrays.java:3537)' >&2
	echo '	at com.example.Table.grow(Table.java:118)' >&2
	echo '	at com.example.Application.main(Application.java:27)' >&2
	exit 1
fi
[ -z "$GROWS" ] || NEEDS=$heap
exec misbehave -allocate=$((NEEDS + ${BESIDE:-0}))Mi -over=2s -http-port=8080
