package remedy

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// version is a tag that begins with a version number, as most do.
type version struct {
	tag                 string
	numbers             [3]int64
	count               int // how many numbers it has
	variant             string
	prefixed            bool // it begins with v
	major, minor, patch int64
}

var (
	versionTag  = regexp.MustCompile(`^(v?)(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?((?:[-_.+][0-9A-Za-z._+-]*)?)$`)
	preliminary = regexp.MustCompile(`(?i)(?:^|[-_.+])(?:rc|alpha|beta|pre|preview|dev|snapshot|nightly|canary|test|debug)\.?\d*(?:$|[-_.+])`)
)

func versionOf(tag string) (version, bool) {
	found := versionTag.FindStringSubmatch(tag)
	if found == nil {
		return version{}, false
	}
	read := version{tag: tag, prefixed: found[1] != "", variant: found[5]}
	for i, text := range found[2:5] {
		if text == "" {
			break
		}
		read.numbers[i], _ = strconv.ParseInt(text, 10, 64)
		read.count++
	}
	read.major, read.minor, read.patch = read.numbers[0], read.numbers[1], read.numbers[2]
	return read, true
}

// stable reports whether a version is meant to be run by everybody. A number of eight digits is a date.
func (v version) stable() bool { return !preliminary.MatchString(v.variant) && v.major < 1e7 }

func (v version) compare(other version) int {
	return cmp.Or(cmp.Compare(v.major, other.major), cmp.Compare(v.minor, other.minor), cmp.Compare(v.patch, other.patch), cmp.Compare(v.count, other.count))
}

// NearestTag gives the tag to use in place of one that does not exist, out of those that do; empty when none is near.
// It is, in this order: the only one that looks the same in most fonts; one with the same major and minor number and the same variant, the nearest patch; one that
// differs by a typing mistake; the newest stable one with the same variant, then without one; and latest.
func NearestTag(missing string, tags []string) string {
	if tag, ok := lookalike(missing, tags); ok {
		return tag
	}
	var versions []version
	for _, tag := range tags {
		if read, ok := versionOf(tag); ok && tag != missing {
			versions = append(versions, read)
		}
	}
	wanted, numbered := versionOf(missing)
	if numbered {
		if tag := nearestPatch(wanted, versions); tag != "" {
			return tag
		}
	}
	if tag, ok := mistypedTag(missing, wanted, numbered, tags); ok {
		return tag
	}
	for _, variant := range []string{wanted.variant, ""} {
		if tag := newest(variant, wanted.prefixed, versions); tag != "" {
			return tag
		}
	}
	if slices.Contains(tags, "latest") && missing != "latest" {
		return "latest"
	}
	return ""
}

// lookalike gives the only tag that is written with letters for digits, or digits for letters, that look like them.
func lookalike(missing string, tags []string) (string, bool) {
	found, looks := "", lookalikes.Replace(missing)
	for _, tag := range tags {
		switch {
		case tag == missing || tag == found || lookalikes.Replace(tag) != looks:
		case found != "":
			return "", false
		default:
			found = tag
		}
	}
	return found, found != ""
}

var lookalikes = strings.NewReplacer("l", "1", "I", "1", "O", "0", "o", "0")

// nearestPatch gives the version with the same major and minor number and the same variant whose patch number is
// nearest; of two as near, the newer.
func nearestPatch(wanted version, versions []version) string {
	if wanted.count < 2 {
		return ""
	}
	var best *version
	for i := range versions {
		other := &versions[i]
		if other.count < 2 || other.major != wanted.major || other.minor != wanted.minor || other.variant != wanted.variant {
			continue
		}
		if best == nil || away(*other, wanted) < away(*best, wanted) || away(*other, wanted) == away(*best, wanted) && other.compare(*best) > 0 {
			best = other
		}
	}
	if best == nil {
		return ""
	}
	return best.tag
}

func away(a, b version) int64 { return max(a.patch-b.patch, b.patch-a.patch) }

// mistypedTag gives the only tag that differs by a typing mistake. Of a version, only the variant can be mistyped: two
// versions that differ by a digit are two versions.
func mistypedTag(missing string, wanted version, numbered bool, tags []string) (string, bool) {
	if !numbered {
		return onlyNear(missing, tags)
	}
	var variants []string
	number := strings.TrimSuffix(missing, wanted.variant)
	for _, tag := range tags {
		if variant, ok := strings.CutPrefix(tag, number); ok && variant != "" && wanted.variant != "" && variant[0] == wanted.variant[0] {
			variants = append(variants, variant)
		}
	}
	variant, ok := onlyNear(wanted.variant, variants)
	return number + variant, ok
}

// newest gives the newest stable version of a variant, written with v or without as it was wanted if there is one.
func newest(variant string, prefixed bool, versions []version) string {
	var best *version
	for i := range versions {
		other := &versions[i]
		if other.variant != variant || !other.stable() {
			continue
		}
		better := best == nil || other.compare(*best) > 0 || other.compare(*best) == 0 && other.prefixed == prefixed
		if better {
			best = other
		}
	}
	if best == nil {
		return ""
	}
	return best.tag
}
