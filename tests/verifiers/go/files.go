package main

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	height  = 8
	width   = 1 << height
	entries = -1
)

var widthName = regexp.MustCompile(`^[1-9][0-9]{0,2}$`)

// tilePath leaves out the height, which x/mod's paths have, and calls the entries by C2SP's name.
func tilePath(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), "tile/8/")
	if t.L == entries {
		rest = "entries/" + strings.TrimPrefix(rest, "data/")
	}
	return "tile/" + rest
}

func parseTilePath(path string) (tlog.Tile, error) {
	rest := strings.TrimPrefix(path, "tile/")
	if strings.HasPrefix(rest, "entries/") {
		rest = "data/" + strings.TrimPrefix(rest, "entries/")
	}
	tile, err := tlog.ParseTilePath("tile/8/" + rest)
	if err != nil || tile.L > 63 || tile.N >= most || tilePath(tile) != path {
		return tlog.Tile{}, badf("`%s` is not the path of a tile", path)
	}
	return tile, nil
}

// span is the number of entries under one hash of a level; 0 where it is more than any log has.
func span(level int) int64 {
	if level < 0 {
		return 1
	}
	if level*height >= 62 {
		return 0
	}
	return 1 << (level * height)
}

// start is the first entry that a tile covers; none where no log has so many.
func start(t tlog.Tile) int64 {
	s := span(t.L)
	if s == 0 || t.N > most/width/s {
		return none
	}
	return t.N * width * s
}

// widthIn is how many hashes (or entries) a tree of size has for a tile; 0 or less where it has none.
func widthIn(t tlog.Tile, size int64) int64 {
	s := span(t.L)
	if s == 0 || start(t) == none {
		return 0
	}
	left := size/s - t.N*width
	if left > width {
		return width
	}
	return left
}

// levels is the number of levels with at least one hash.
func levels(size int64) int {
	count := 0
	for ; size > 0; size /= width {
		count++
	}
	return count
}

// splitBundle gives the entries of a bundle: exactly count, and nothing behind them.
func splitBundle(data []byte, count int, start int64) ([][]byte, error) {
	var split [][]byte
	for i := 0; i < count; i++ {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, badAt(start+int64(i), "the entry bundle ends too early")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		split = append(split, data[2:end])
		data = data[end:]
	}
	if len(data) > 0 {
		return nil, badAt(start+int64(count), "the entry bundle has bytes behind its last entry")
	}
	return split, nil
}

// files are those of a log's directory. A log may be growing while it is read.
type files struct {
	directory string
	upper     map[tlog.Tile][]byte
}

// read gives nil where there is no such file.
func (f *files) read(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(f.directory, name))
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR)
	if missing {
		return nil, nil
	}
	if err == nil && data == nil {
		data = []byte{}
	}
	return data, err
}

// find gives the tile or a wider one, which begins with the same hashes and may have taken its place.
func (f *files) find(t tlog.Tile) (tlog.Tile, []byte, error) {
	for _, w := range append(append([]int{t.W}, f.wider(t)...), width) {
		found := t
		found.W = w
		data, err := f.read(tilePath(found))
		if data != nil || err != nil {
			return found, data, err
		}
	}
	return t, nil, badAt(start(t), "`%s` is missing", tilePath(t))
}

func (f *files) wider(t tlog.Tile) []int {
	if t.W == width {
		return nil
	}
	var widths []int
	names, err := os.ReadDir(filepath.Join(f.directory, filepath.Dir(tilePath(t))))
	if err != nil {
		return nil
	}
	for _, name := range names {
		w, err := strconv.Atoi(name.Name())
		if err == nil && widthName.MatchString(name.Name()) && t.W < w && w < width {
			widths = append(widths, w)
		}
	}
	sort.Ints(widths)
	return widths
}

// hashes gives the first W hashes of a tile, 32 bytes each.
func (f *files) hashes(t tlog.Tile) ([]byte, error) {
	if data, ok := f.upper[t]; ok {
		return data, nil
	}
	found, data, err := f.find(t)
	if err == nil {
		err = checkLength(found, data)
	}
	if err != nil {
		return nil, err
	}
	data = data[:t.W*tlog.HashSize]
	if t.L > 0 || t.W < width {
		f.upper[t] = data
	}
	return data, nil
}

func checkLength(t tlog.Tile, data []byte) error {
	if len(data) != t.W*tlog.HashSize {
		return badAt(start(t), "`%s` has %d bytes and not %d", tilePath(t), len(data), t.W*tlog.HashSize)
	}
	return nil
}

// entries gives the first W entries of a bundle.
func (f *files) entries(t tlog.Tile) ([][]byte, error) {
	found, data, err := f.find(t)
	if err != nil {
		return nil, err
	}
	split, err := splitBundle(data, found.W, start(t))
	if b, ok := err.(*bad); ok {
		return nil, badAt(b.index, "`%s`: %s", tilePath(found), b.reason)
	}
	return split[:t.W], nil
}

// Height, ReadTiles and SaveTiles make the directory a tlog.TileReader.
func (f *files) Height() int { return height }

func (f *files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if data[i], err = f.hashes(t); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (f *files) SaveTiles([]tlog.Tile, [][]byte) {}

// listed gives every tile that is there. Names that end in `.new` are being written.
func (f *files) listed() ([]tlog.Tile, error) {
	var found []tlog.Tile
	err := filepath.WalkDir(filepath.Join(f.directory, "tile"), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".new") {
			return err
		}
		name, err := filepath.Rel(f.directory, path)
		if err != nil {
			return err
		}
		tile, err := parseTilePath(filepath.ToSlash(name))
		found = append(found, tile)
		return err
	})
	return found, err
}
