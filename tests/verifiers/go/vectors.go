package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// vector is a test vector; ../README.md says what each kind holds. Whoever wrote the file is not an adversary.
type vector struct {
	Name, Kind, Why, Note, File, Vkey, Path, Root, Leaf string
	Valid                                               bool
	Entry                                               *string
	EntryBase64                                         []byte `json:"entry_base64"`
	NoteBase64                                          []byte `json:"note_base64"`
	BundleBase64                                        []byte `json:"bundle_base64"`
	OldRoot                                             string `json:"old_root"`
	NewRoot                                             string `json:"new_root"`
	Size, Index                                         uint64
	OldSize                                             uint64 `json:"old_size"`
	NewSize                                             uint64 `json:"new_size"`
	Proof                                               []string
	Vkeys, Entries                                      []string
	Width                                               int
	PublicKeyHex                                        string `json:"public_key_hex"`
	MessageHex                                          string `json:"message_hex"`
	SignatureHex                                        string `json:"signature_hex"`
	FirstBadIndex                                       *int64 `json:"first_bad_index"`
}

type found = map[string]any

var kinds = map[string]func(*vector) (found, error){
	"leaf_hash": vectorLeafHash, "root": vectorRoot, "inclusion": vectorInclusion, "consistency": vectorConsistency,
	"vkey": vectorVkey, "note": vectorNote, "checkpoint": vectorCheckpoint, "tile_path": vectorTilePath,
	"tree_tiles": vectorTreeTiles, "hash_tile": vectorHashTile, "bundle": vectorBundle,
	"inclusion_file": vectorFile(verifyInclusion), "consistency_file": vectorFile(verifyConsistency),
	"ed25519": vectorEd25519, "records": vectorRecords,
}

func (a *arguments) vectors() (bool, error) {
	type failure struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
	}
	passed, failures := 0, []failure{}
	for _, path := range a.rest {
		data, err := read(path)
		if err != nil {
			return false, err
		}
		raws, err := splitVectors(data, strings.HasSuffix(path, ".jsonl"))
		if err != nil {
			return false, &unusable{fmt.Sprintf("`%s` is not a file of test vectors: %v", path, err)}
		}
		for _, raw := range raws {
			name, fault, err := runVector(raw)
			if err != nil {
				return false, &unusable{fmt.Sprintf("`%s`: vector `%s` is malformed: %v", path, name, err)}
			}
			if fault == "" {
				passed++
			} else {
				failures = append(failures, failure{name, fault})
			}
		}
	}
	if a.asJSON {
		printJSON(found{"command": "vectors", "verified": len(failures) == 0, "passed": passed, "failed": len(failures),
			"failures": failures})
		return len(failures) == 0, nil
	}
	for _, f := range failures {
		fmt.Printf("FAILED %s: %s\n", f.Name, f.Reason)
	}
	fmt.Printf("%d passed, %d failed\n", passed, len(failures))
	return len(failures) == 0, nil
}

func splitVectors(data []byte, isLines bool) ([]json.RawMessage, error) {
	if isLines {
		var raws []json.RawMessage
		for _, line := range bytes.Split(data, []byte("\n")) {
			if len(line) > 0 {
				raws = append(raws, line)
			}
		}
		return raws, nil
	}
	var file struct {
		Format  string
		Vectors []json.RawMessage
	}
	err := json.Unmarshal(data, &file)
	if err == nil && file.Format != "grid-tlog-vectors/v1" {
		err = fmt.Errorf("its format is not `grid-tlog-vectors/v1`")
	}
	return file.Vectors, err
}

// runVector says what is wrong: whether the input is taken, and for one that is, what is read from it.
func runVector(raw json.RawMessage) (name, fault string, err error) {
	var v vector
	var expected found
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", "", err
	}
	if err := json.Unmarshal(raw, &expected); err != nil {
		return "", "", err
	}
	kind := kinds[v.Kind]
	if kind == nil {
		return v.Name, "", fmt.Errorf("kind `%s` is not known", v.Kind)
	}
	got, err := kind(&v)
	if b, ok := err.(*bad); ok {
		switch {
		case v.Valid:
			return v.Name, "refused: " + b.reason, nil
		case v.FirstBadIndex != nil && *v.FirstBadIndex != b.index:
			return v.Name, fmt.Sprintf("refused at index %d and not %d: %s", b.index, *v.FirstBadIndex, b.reason), nil
		}
		return v.Name, "", nil
	}
	if err != nil {
		return v.Name, "", err
	}
	if !v.Valid {
		return v.Name, "taken, and should not be: " + v.Why, nil
	}
	var plain found // The same types as what was read from the file.
	encoded, err := json.Marshal(got)
	if err == nil {
		err = json.Unmarshal(encoded, &plain)
	}
	for member, value := range plain {
		if !reflect.DeepEqual(value, expected[member]) {
			return v.Name, fmt.Sprintf("`%s` is %v and not %v", member, value, expected[member]), err
		}
	}
	return v.Name, "", err
}

func (v *vector) count(n uint64) (int64, error) {
	if n > uint64(most) {
		return 0, badf("a tree of %d entries is larger than any log may be", n)
	}
	return int64(n), nil
}

func (v *vector) keys() ([]note.Verifier, error) {
	var keys []note.Verifier
	for _, text := range v.Vkeys {
		k, err := parseVkey(text)
		if err != nil {
			return nil, fmt.Errorf("vkeys: %v", err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func (v *vector) proof() ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, text := range v.Proof {
		hash, err := parseHash(text)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// stored keeps the hashes of the leaves leaf-0, leaf-1, … as the reference wants them stored.
type stored []tlog.Hash

func (s *stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = (*s)[index]
	}
	return hashes, nil
}

func leavesOf(size int64) (*stored, error) {
	s := &stored{}
	for n := int64(0); n < size; n++ {
		hashes, err := tlog.StoredHashes(n, []byte(fmt.Sprintf("leaf-%d", n)), s)
		if err != nil {
			return nil, err
		}
		*s = append(*s, hashes...)
	}
	return s, nil
}

func vectorLeafHash(v *vector) (found, error) {
	entry := v.EntryBase64
	if v.Entry != nil {
		entry = []byte(*v.Entry)
	}
	return found{"hash": tlog.RecordHash(entry)}, nil
}

func vectorRoot(v *vector) (found, error) {
	s, err := leavesOf(int64(v.Size))
	if err != nil {
		return nil, err
	}
	root, err := treeHash(int64(v.Size), s)
	return found{"root": root}, err
}

func vectorInclusion(v *vector) (found, error) {
	proof, err := v.proof()
	if err != nil {
		return nil, err
	}
	leaf, err := parseHash(v.Leaf)
	if err != nil {
		return nil, err
	}
	root, err := parseHash(v.Root)
	if err != nil {
		return nil, err
	}
	size, err := v.count(v.Size)
	if err != nil {
		return nil, err
	}
	index, err := v.count(v.Index)
	if err != nil {
		return nil, err
	}
	if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
		return nil, badf("%v", err)
	}
	return nil, nil
}

func vectorConsistency(v *vector) (found, error) {
	proof, err := v.proof()
	if err != nil {
		return nil, err
	}
	oldRoot, err := parseHash(v.OldRoot)
	if err != nil {
		return nil, err
	}
	newRoot, err := parseHash(v.NewRoot)
	if err != nil {
		return nil, err
	}
	oldSize, err := v.count(v.OldSize)
	if err != nil {
		return nil, err
	}
	newSize, err := v.count(v.NewSize)
	if err != nil {
		return nil, err
	}
	return nil, checkTree(proof, newSize, newRoot, oldSize, oldRoot)
}

func vectorVkey(v *vector) (found, error) {
	k, err := parseVkey(v.Vkey)
	if err != nil {
		return nil, err
	}
	return found{"key_name": k.Name(), "key_id": k.id()}, nil
}

func (v *vector) note() []byte {
	if v.NoteBase64 != nil {
		return v.NoteBase64
	}
	return []byte(v.Note)
}

func vectorNote(v *vector) (found, error) {
	keys, err := v.keys()
	if err != nil {
		return nil, err
	}
	text, signer, err := openNote(v.note(), keys)
	if err == nil && signer == nil {
		err = badf("none of the keys signed the note")
	}
	return found{"text": text}, err
}

func vectorCheckpoint(v *vector) (found, error) {
	keys, err := v.keys()
	if err != nil {
		return nil, err
	}
	c, _, err := openCheckpoint(v.note(), keys)
	return found{"origin": c.origin, "size": c.size, "root": c.root}, err
}

func vectorTilePath(v *vector) (found, error) {
	t, err := parseTilePath(v.Path)
	if err != nil {
		return nil, err
	}
	var level any = t.L
	if t.L == entries {
		level = "entries"
	}
	return found{"level": level, "index": t.N, "width": t.W, "path": tilePath(t)}, nil
}

// vectorTreeTiles counts the tiles that the reference would publish for a tree that grows at once from nothing.
func vectorTreeTiles(v *vector) (found, error) {
	type row struct {
		Level   int   `json:"level"`
		Full    int64 `json:"full"`
		Partial int   `json:"partial"`
	}
	rows := []row{}
	for _, t := range tlog.NewTiles(height, 0, int64(v.Size)) {
		for len(rows) <= t.L {
			rows = append(rows, row{Level: len(rows)})
		}
		if t.W == width {
			rows[t.L].Full++
		} else {
			rows[t.L].Partial = t.W // The reference names every width up to the one that holds all.
		}
	}
	return found{"rows": rows}, nil
}

func vectorHashTile(v *vector) (found, error) {
	t, err := parseTilePath(v.Path)
	if err != nil {
		return nil, err
	}
	s, err := leavesOf(int64(v.Size))
	if err != nil {
		return nil, err
	}
	data, err := tlog.ReadTileData(t, s)
	sum := sha256.Sum256(data)
	return found{"sha256_hex": hex.EncodeToString(sum[:])}, err
}

func vectorBundle(v *vector) (found, error) {
	split, err := splitBundle(v.BundleBase64, v.Width, 0)
	if err != nil {
		return nil, err
	}
	list := []string{}
	for _, entry := range split {
		list = append(list, base64.StdEncoding.EncodeToString(entry))
	}
	return found{"entries_base64": list}, nil
}

func vectorFile(check func([]byte, []note.Verifier, *result) error) func(*vector) (found, error) {
	return func(v *vector) (found, error) {
		keys, err := v.keys()
		if err != nil {
			return nil, err
		}
		r := &result{}
		err = check([]byte(v.File), keys, r)
		return found{"origin": r.Origin, "size": r.Size}, err
	}
}

func vectorEd25519(v *vector) (found, error) {
	var parts [3][]byte
	for i, text := range []string{v.PublicKeyHex, v.MessageHex, v.SignatureHex} {
		var err error
		if parts[i], err = hex.DecodeString(text); err != nil {
			return nil, err
		}
	}
	if !ed25519.Verify(parts[0], parts[1], parts[2]) {
		return nil, badf("the signature is wrong")
	}
	return nil, nil
}

func vectorRecords(v *vector) (found, error) {
	r := newRules()
	for i, entry := range v.Entries {
		r.pass(int64(i), []byte(entry))
	}
	if fault := r.finish(); fault != nil {
		return nil, fault
	}
	return found{"counts": r.counts}, nil
}
