package main

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// survey is asked only after the reference has refused: it finds the first entry that is thereby not proved, by
// comparing the files with one another from below. It never says that all is well.
func (a *attempt) survey(lines []signedLine) error {
	s := surveyor{attempt: a, upper: map[tlog.Tile][]byte{}}
	if err := s.levels(); err != nil {
		return err
	}
	for n := int64(0); n*width < a.checkpoint.size; n++ {
		t := tlog.Tile{H: height, L: 0, N: n, W: width}
		t.W = int(widthIn(t, a.checkpoint.size))
		if err := s.leafTile(t); err != nil {
			return err
		}
		if s.faultBefore((n + 1) * width) {
			break
		}
	}
	if fault := first(s.faults); fault != nil {
		return fault
	}
	return badAt(provedBefore(lines, tlog.HashReaderFunc(a.unchecked), a.options.keys),
		"the tiles are whole among themselves and lead to another root than the checkpoint's")
}

// unchecked reads hashes from the tiles of the checkpoint's tree as they are, whatever their root is.
func (a *attempt) unchecked(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(height, index)
		t.W = int(widthIn(t, a.checkpoint.size))
		data, err := a.hashes(t)
		if err != nil {
			return nil, err
		}
		if hashes[i], err = tlog.HashFromTile(t, data, index); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

type surveyor struct {
	*attempt
	upper  map[tlog.Tile][]byte
	faults []*bad
}

func (s *surveyor) faultBefore(index int64) bool {
	for _, fault := range s.faults {
		if fault.index < index {
			return true
		}
	}
	return false
}

// note keeps what does not verify, and hands back what could not be read at all.
func (s *surveyor) note(err error) error {
	var b *bad
	if errors.As(err, &b) {
		s.faults = append(s.faults, b)
		return nil
	}
	return err
}

// levels reads those above the leaves, each up to the first tile that cannot be used.
func (s *surveyor) levels() error {
	for level := 1; level < levels(s.checkpoint.size); level++ {
		for n := int64(0); ; n++ {
			t := tlog.Tile{H: height, L: level, N: n, W: width}
			within := widthIn(t, s.checkpoint.size)
			if within <= 0 {
				break
			}
			t.W = int(within)
			data, err := s.hashes(t)
			if err != nil {
				if err := s.note(err); err != nil {
					return err
				}
				break
			}
			t.W = width
			s.upper[t] = data
		}
	}
	for t, data := range s.upper {
		s.checkParent(t, data)
	}
	return nil
}

// checkParent: a full tile's root is a hash of the tile above.
func (s *surveyor) checkParent(t tlog.Tile, data []byte) {
	if len(data) != width*tlog.HashSize {
		return
	}
	above, ok := s.upper[tlog.Tile{H: height, L: t.L + 1, N: t.N / width, W: width}]
	if !ok {
		return
	}
	at := t.N % width * tlog.HashSize
	var said tlog.Hash
	copy(said[:], above[at:at+tlog.HashSize])
	if completeRoot(data) != said {
		s.faults = append(s.faults, badAt(start(t), "`%s` does not hash to what the level above says", tilePath(t)))
	}
}

func completeRoot(data []byte) tlog.Hash {
	var hash tlog.Hash
	if len(data) == tlog.HashSize {
		copy(hash[:], data)
		return hash
	}
	return tlog.NodeHash(completeRoot(data[:len(data)/2]), completeRoot(data[len(data)/2:]))
}

func (s *surveyor) leafTile(t tlog.Tile) error {
	data, err := s.hashes(t)
	if err != nil {
		return s.note(err)
	}
	s.checkParent(t, data)
	t.L = entries
	split, err := s.entries(t)
	if err != nil {
		return s.note(err)
	}
	for i, entry := range split {
		hash := tlog.RecordHash(entry)
		if string(hash[:]) != string(data[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			index := start(t) + int64(i)
			s.faults = append(s.faults, badAt(index, "entry %d does not hash to its leaf", index))
			return nil
		}
	}
	return nil
}
