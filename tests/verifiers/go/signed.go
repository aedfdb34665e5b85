package main

import (
	"regexp"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	lineForm = regexp.MustCompile(`^([0-9]+) ([A-Za-z0-9+/=]{44}) ([0-9a-f]{8}) ([A-Za-z0-9+/=]{88})$`)
	// The beginning of such a line, as a writer leaves it for a moment, or a crash for good.
	tornForm = regexp.MustCompile(`^([0-9]{0,20}|[0-9]+ [A-Za-z0-9+/=]{0,44}|[0-9]+ [A-Za-z0-9+/=]{44} [0-9a-f]{0,8}` +
		`|[0-9]+ [A-Za-z0-9+/=]{44} [0-9a-f]{8} [A-Za-z0-9+/=]{0,88})$`)
)

// signedLine is one signature that the log once made.
type signedLine struct {
	size      int64
	root      tlog.Hash
	id        string
	signature []byte
}

func (l signedLine) isBy(k *key) bool {
	return l.id == k.id() && k.Verify(checkpointText(k.Name(), l.size, l.root), l.signature)
}

// parseLines leaves out lines for sizes beyond upTo: they are of a tree that the checkpoint does not cover yet.
func parseLines(data []byte, upTo int64) ([]signedLine, error) {
	texts := strings.Split(string(data), "\n")
	if torn := texts[len(texts)-1]; !tornForm.MatchString(torn) {
		return nil, badf("`checkpoints.log` ends in something that is not the beginning of a line")
	}
	var lines []signedLine
	last := int64(0)
	for i, text := range texts[:len(texts)-1] {
		match := lineForm.FindStringSubmatch(text)
		if match == nil {
			return nil, badf("line %d of `checkpoints.log` is malformed", i+1)
		}
		size, err := parseNumber(match[1])
		if err != nil {
			return nil, badf("line %d of `checkpoints.log`: %v", i+1, err)
		}
		root, err := parseHash(match[2])
		if err != nil {
			return nil, badf("line %d of `checkpoints.log`: %v", i+1, err)
		}
		signature, err := unbase64(match[4])
		if err != nil || len(signature) != 64 {
			return nil, badf("line %d of `checkpoints.log` has no signature", i+1)
		}
		if size < last {
			return nil, badf("line %d of `checkpoints.log` is of size %d, the one before of %d", i+1, size, last)
		}
		if last = size; size <= upTo {
			lines = append(lines, signedLine{size, root, match[3], signature})
		}
	}
	return lines, nil
}

// chain is the keys of a log in their order. The record of a hand-over is the last thing that the old key signs.
type chain struct {
	trusted   []note.Verifier
	rotations []rotation
	keys      []*key
}

func newChain(trusted []note.Verifier, rotations []rotation) (*chain, error) {
	c := &chain{trusted: trusted, rotations: rotations}
	if len(rotations) > 0 {
		c.keys = []*key{rotations[0].old}
	}
	for _, r := range rotations {
		if !sameKey(r.old, c.keys[len(c.keys)-1]) {
			return nil, badAt(r.index, "the change of keys is not from the key of that time")
		}
		c.keys = append(c.keys, r.new)
	}
	return c, nil
}

// allowed gives the keys that may sign a tree of that size.
func (c *chain) allowed(size int64) []note.Verifier {
	if len(c.rotations) == 0 {
		return c.trusted
	}
	var keys []note.Verifier
	for i, k := range c.keys {
		isAfter := i == 0 || size > c.rotations[i-1].index
		isBefore := i == len(c.rotations) || size <= c.rotations[i].index+1
		if isAfter && isBefore {
			keys = append(keys, k)
		}
	}
	return keys
}

func (c *chain) isTrusted(k note.Verifier) bool {
	for _, trusted := range c.trusted {
		if sameKey(trusted, k) {
			return true
		}
	}
	return false
}

// trust wants k to be given, or to have been handed the log, step by step, by one that was given.
func (c *chain) trust(k note.Verifier, lines []signedLine, roots map[int64]tlog.Hash) error {
	if c.isTrusted(k) {
		return nil
	}
	at, known := 0, -1
	for i, candidate := range c.keys {
		if sameKey(candidate, k) {
			at = i
			break
		}
		if c.isTrusted(candidate) {
			known = i
		}
	}
	if known < 0 {
		return badf("the log is signed by a key that was not given, and that no given key handed it to")
	}
	for ; known < at; known++ {
		size, found := c.rotations[known].index+1, false
		for _, line := range lines {
			if line.size == size && line.root == roots[size] && line.isBy(c.keys[known]) {
				found = true
			}
		}
		if !found {
			return badAt(size-1, "key %s never signed that it hands over: `checkpoints.log` has no signature of it "+
				"for size %d", c.keys[known].id(), size)
		}
	}
	return nil
}

// check wants every signature right, and of the history that the tiles hold.
func (c *chain) check(lines []signedLine, roots map[int64]tlog.Hash, all bool) error {
	for _, line := range lines {
		var by *key
		for _, k := range c.allowed(line.size) {
			if by == nil && k.(*key).id() == line.id {
				by = k.(*key)
			}
		}
		if by == nil {
			return badf("`checkpoints.log`, size %d: key %s may not sign that", line.size, line.id)
		}
		isRight := line.root == roots[line.size]
		if (all || !isRight) && !line.isBy(by) {
			return badf("`checkpoints.log`, size %d: the signature is wrong", line.size)
		}
		if !isRight {
			return badf("the log has signed two histories: another one of %d entries", line.size)
		}
	}
	return nil
}

// provedBefore is the largest tree that a given key signed and the tiles still hold; where another root failed, it
// begins there.
func provedBefore(lines []signedLine, tiles tlog.HashReader, trusted []note.Verifier) int64 {
	largest := int64(0)
	for _, line := range lines {
		root, err := treeHash(line.size, tiles)
		if err != nil || root != line.root {
			continue
		}
		for _, k := range trusted {
			if line.isBy(k.(*key)) {
				largest = line.size
			}
		}
	}
	return largest
}

// treeHash differs from the reference in the empty tree, for which that has no hash.
func treeHash(size int64, reader tlog.HashReader) (tlog.Hash, error) {
	if size == 0 {
		return emptyRoot, nil
	}
	return tlog.TreeHash(size, reader)
}
