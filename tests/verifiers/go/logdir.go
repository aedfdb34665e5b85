package main

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	attempts = 10
	// tooLarge is a size whose tiles no disk holds. The reference's own numbers overflow not far above it.
	tooLarge = int64(1) << 50
)

type logOptions struct {
	keys    []note.Verifier
	atLeast []byte
	quick   bool
}

// verifyLog begins again where a log that is being written went on meanwhile and what was read did not fit.
func verifyLog(directory string, options logOptions) (*result, error) {
	var r *result
	for i := 0; i < attempts; i++ {
		f := &files{directory: directory, upper: map[tlog.Tile][]byte{}}
		msg, err := f.read("checkpoint")
		if err != nil {
			return nil, err
		}
		r = &result{Command: "log"}
		if err := r.conclude(verifyOnce(f, options, msg, r)); err != nil {
			return nil, err
		}
		now, err := f.read("checkpoint")
		if r.Verified || err != nil || bytes.Equal(now, msg) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return r, nil
}

// attempt is one look at one checkpoint.
type attempt struct {
	*files
	options    logOptions
	checkpoint checkpoint
	reader     tlog.HashReader
	rules      *rules
	roots      map[int64]tlog.Hash
}

func verifyOnce(f *files, options logOptions, msg []byte, r *result) error {
	if msg == nil {
		return badf("`checkpoint` is missing")
	}
	c, err := claimed(msg)
	if err != nil {
		return err
	}
	r.of(c)
	// A wrong signature of a given key is the whole answer. None at all may still be explained by a change of keys.
	if _, _, err := openNote(msg, options.keys); err != nil {
		return err
	}
	tree := tlog.Tree{N: c.size, Hash: c.root}
	a := &attempt{f, options, c, tlog.TileHashReader(tree, f), newRules(), map[int64]tlog.Hash{}}
	kept, err := a.kept()
	if err != nil {
		return err
	}
	lines, linesFault, err := a.lines()
	if err != nil {
		return err
	}
	if err := a.tree(lines); err != nil {
		return err
	}
	if fault := a.rules.finish(); fault != nil {
		return fault
	}
	newer, err := a.otherFiles()
	if err != nil {
		return err
	}
	if err := a.wanted(lines, kept); err != nil {
		return err
	}
	keys, err := newChain(options.keys, a.rules.rotations)
	if err != nil {
		return err
	}
	if err := a.signatures(keys, msg, lines, linesFault, kept, r); err != nil {
		return err
	}
	signatures, rotations := len(lines), len(keys.rotations)
	r.Signatures, r.Rotations, r.NewerFiles, r.Records = &signatures, &rotations, &newer, a.rules.counts
	return nil
}

// lines gives the fault of a damaged `checkpoints.log` apart, to be told after what the tiles have to say.
func (a *attempt) lines() ([]signedLine, error, error) {
	data, err := a.read("checkpoints.log")
	if err != nil {
		return nil, nil, err
	}
	lines, fault := parseLines(data, a.checkpoint.size)
	return lines, fault, nil
}

// kept is the checkpoint that somebody kept; its signature waits until the keys are known.
func (a *attempt) kept() (*checkpoint, error) {
	if a.options.atLeast == nil {
		return nil, nil
	}
	c, err := claimed(a.options.atLeast)
	if err != nil {
		return nil, badf("the checkpoint to compare with: %v", err)
	}
	if c.size > a.checkpoint.size {
		return nil, badAt(a.checkpoint.size, "the log has %d entries, and had %d when the checkpoint to compare with "+
			"was signed", a.checkpoint.size, c.size)
	}
	return &c, nil
}

// tree lets the reference read every hash of every tile, and compares the entries with them.
func (a *attempt) tree(lines []signedLine) error {
	if a.checkpoint.size > tooLarge {
		return a.survey(lines)
	}
	for n := int64(0); n*width < a.checkpoint.size; n++ {
		t := tlog.Tile{H: height, L: 0, N: n, W: width}
		t.W = int(widthIn(t, a.checkpoint.size))
		hashes, err := a.leaves(t)
		if err != nil {
			return a.survey(lines)
		}
		t.L = entries
		split, err := a.entries(t)
		var b *bad
		if errors.As(err, &b) {
			return a.survey(lines)
		}
		if err != nil {
			return err
		}
		for i, entry := range split {
			if tlog.RecordHash(entry) != hashes[i] {
				return a.survey(lines)
			}
			a.rules.pass(start(t)+int64(i), entry)
		}
	}
	if a.checkpoint.size == 0 && a.checkpoint.root != emptyRoot {
		return a.survey(lines)
	}
	return nil
}

// leaves are the hashes of a tile. That TileHashReader gives them out is not enough: where several of the subtrees that
// make up the root lie in one tile, it passes over as many of the tiles that it should hold against their parents
// (x/mod 0.7.0, tile.go, the loop that begins at len(stx)). So the first leaf is proved as a record too; all others of
// the tile, and of the tiles above it, are in that proof.
func (a *attempt) leaves(t tlog.Tile) ([]tlog.Hash, error) {
	first, size := t.N*width, a.checkpoint.size
	indexes := make([]int64, t.W)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	hashes, err := a.reader.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(size, first, a.reader)
	if err != nil {
		return nil, err
	}
	return hashes, tlog.CheckRecord(proof, size, a.checkpoint.root, first, hashes[0])
}

// wanted computes the roots of all sizes that somebody signed.
func (a *attempt) wanted(lines []signedLine, kept *checkpoint) error {
	sizes := []int64{}
	for _, line := range lines {
		sizes = append(sizes, line.size)
	}
	if kept != nil {
		sizes = append(sizes, kept.size)
	}
	for _, size := range sizes {
		if _, ok := a.roots[size]; ok {
			continue
		}
		root, err := treeHash(size, a.reader)
		if err != nil {
			return badf("size %d: %v", size, err)
		}
		a.roots[size] = root
	}
	return nil
}

// signatures checks who signed: the checkpoint, every line of `checkpoints.log`, and the kept checkpoint.
func (a *attempt) signatures(keys *chain, msg []byte, lines []signedLine, linesFault error, kept *checkpoint,
	r *result) error {
	_, signer, err := openCheckpoint(msg, keys.allowed(a.checkpoint.size))
	if err != nil {
		return err
	}
	if err := keys.trust(signer, lines, a.roots); err != nil {
		return err
	}
	id := signer.(*key).id()
	r.Key = &id
	if linesFault != nil {
		return linesFault
	}
	if err := keys.check(lines, a.roots, !a.options.quick); err != nil {
		return err
	}
	if kept == nil {
		return nil
	}
	if _, by, err := openNote(a.options.atLeast, keys.allowed(kept.size)); err != nil || by == nil {
		return badf("the checkpoint to compare with is not signed by a key that may sign it")
	}
	if kept.origin != a.checkpoint.origin {
		return badf("the checkpoint to compare with is of another log, `%s`", kept.origin)
	}
	if kept.root != a.roots[kept.size] {
		return badf("the first %d entries are not those that the checkpoint to compare with was signed for", kept.size)
	}
	return nil
}

// otherFiles: tiles of other widths begin as the checked ones do; tiles of a larger tree follow without a hole.
func (a *attempt) otherFiles() (newer int, err error) {
	listed, err := a.listed()
	if err != nil {
		return 0, err
	}
	var faults []*bad
	for _, t := range listed {
		within := widthIn(t, a.checkpoint.size)
		if within <= 0 {
			newer++
			continue
		}
		if int64(t.W) == within {
			continue
		}
		common := t
		if int64(t.W) > within {
			common.W = int(within)
		}
		err := a.compare(t, common)
		var b *bad
		if errors.As(err, &b) {
			faults = append(faults, b)
		} else if err != nil {
			return 0, err
		}
	}
	holes, err := a.holes(listed)
	if err != nil {
		return 0, err
	}
	if fault := first(append(faults, holes...)); fault != nil {
		return 0, fault
	}
	return newer, nil
}

// compare holds the beginning of a tile of another width against what the reference has proved.
func (a *attempt) compare(t, common tlog.Tile) error {
	data, err := a.read(tilePath(t))
	if data == nil || err != nil { // Missing: a partial tile that a full one has replaced meanwhile.
		return err
	}
	var parts [][]byte
	level := common
	if t.L == entries {
		if parts, err = splitBundle(data, t.W, start(t)); err != nil {
			return err
		}
		level.L = 0
	} else if err := checkLength(t, data); err != nil {
		return err
	}
	proved, err := tlog.ReadTileData(level, a.reader)
	if err != nil {
		return badAt(start(t), "%v", err)
	}
	for i := 0; i < common.W; i++ {
		at := i * tlog.HashSize
		if t.L == entries {
			hash := tlog.RecordHash(parts[i])
			data = append(data[:0:0], hash[:]...)
			if !bytes.Equal(data, proved[at:at+tlog.HashSize]) {
				return badAt(start(t)+int64(i), "`%s` differs from what the checkpoint covers", tilePath(t))
			}
		} else if !bytes.Equal(data[at:at+tlog.HashSize], proved[at:at+tlog.HashSize]) {
			return badAt(start(t)+int64(i)*span(t.L), "`%s` differs from what the checkpoint covers", tilePath(t))
		}
	}
	return nil
}

// holes: what a growing log has beyond its checkpoint reaches on from it, at every level.
func (a *attempt) holes(listed []tlog.Tile) ([]*bad, error) {
	var faults []*bad
	size := a.checkpoint.size
	reach, last := size, map[int]int64{}
	for _, t := range listed {
		if end := t.N*width + int64(t.W); t.L <= 0 && end > reach {
			reach = end
		}
		if t.L <= 0 && t.N > last[t.L] {
			last[t.L] = t.N
		}
	}
	for _, t := range listed {
		if t.L > 0 && (start(t) == none || span(t.L) > most/width || start(t)+int64(t.W)*span(t.L) > reach) {
			faults = append(faults, badAt(size, "`%s` is of a larger tree than there are entries", tilePath(t)))
		}
	}
	for _, level := range []int{entries, 0} {
		for n := size / width; n < last[level]; n++ {
			full := tlog.Tile{H: height, L: level, N: n, W: width}
			data, err := a.read(tilePath(full))
			if err != nil {
				return nil, err
			}
			if data == nil {
				faults = append(faults, badAt(size, "`%s` is missing, and there are later ones", tilePath(full)))
				break
			}
		}
	}
	return faults, nil
}
