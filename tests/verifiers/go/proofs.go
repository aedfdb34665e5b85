package main

import (
	"encoding/json"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// parseProof reads one JSON object of a format, with its members and no others.
func parseProof(data []byte, format string, required, optional []string) (map[string]any, error) {
	object, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	if object["format"] != format {
		return nil, badf("the file is not of format `%s`", format)
	}
	known := map[string]bool{"format": true}
	for _, name := range required {
		if _, ok := object[name]; !ok {
			return nil, badf("`%s` is missing", name)
		}
		known[name] = true
	}
	for _, name := range optional {
		known[name] = true
	}
	for name := range object {
		if !known[name] {
			return nil, badf("`%s` is not a member of the format", name)
		}
	}
	return object, nil
}

func parseHashes(value any, name string) ([]tlog.Hash, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, badf("`%s` is not a list of hashes", name)
	}
	hashes := make([]tlog.Hash, len(list))
	for i, item := range list {
		text, _ := item.(string)
		var err error
		if hashes[i], err = parseHash(text); err != nil {
			return nil, badf("a hash in `%s` is malformed: %v", name, err)
		}
	}
	return hashes, nil
}

func verifyInclusion(data []byte, keys []note.Verifier, r *result) error {
	object, err := parseProof(data, "grid-audit-proof/v1", []string{"index", "leaf", "inclusion", "checkpoint"},
		[]string{"entry"})
	if err != nil {
		return err
	}
	number, _ := object["index"].(json.Number)
	index, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || !decimal.MatchString(number.String()) || index >= most {
		return badf("`index` is not a place in a log")
	}
	text, _ := object["leaf"].(string)
	leaf, err := parseHash(text)
	if err != nil {
		return badf("a hash in `leaf` is malformed: %v", err)
	}
	if value, ok := object["entry"]; ok {
		entry, ok := value.(string)
		if !ok {
			return badf("`entry` is not text")
		}
		if tlog.RecordHash([]byte(entry)) != leaf {
			return badAt(index, "`entry` does not hash to `leaf`")
		}
		r.Entry = &entry
	}
	proof, err := parseHashes(object["inclusion"], "inclusion")
	if err != nil {
		return err
	}
	msg, ok := object["checkpoint"].(string)
	if !ok {
		return badf("`checkpoint` is not text")
	}
	c, _, err := openCheckpoint([]byte(msg), keys)
	if err != nil {
		return err
	}
	r.of(c)
	r.Index = &index
	if err := tlog.CheckRecord(proof, c.size, c.root, index, leaf); err != nil {
		return badAt(index, "%v", err)
	}
	return nil
}

func verifyConsistency(data []byte, keys []note.Verifier, r *result) error {
	object, err := parseProof(data, "grid-audit-consistency/v1", []string{"old", "new", "proof"}, nil)
	if err != nil {
		return err
	}
	proof, err := parseHashes(object["proof"], "proof")
	if err != nil {
		return err
	}
	var states [2]checkpoint
	for i, name := range []string{"old", "new"} {
		msg, ok := object[name].(string)
		if !ok {
			return badf("`%s` is not text", name)
		}
		if states[i], _, err = openCheckpoint([]byte(msg), keys); err != nil {
			return err
		}
	}
	old, new := states[0], states[1]
	r.of(new)
	oldRoot := old.root.String()
	r.OldSize, r.OldRoot = &old.size, &oldRoot
	if old.origin != new.origin {
		return badf("the checkpoints are of two logs, `%s` and `%s`", old.origin, new.origin)
	}
	return checkTree(proof, new.size, new.root, old.size, old.root)
}

// checkTree answers for the empty tree itself, about which the reference says nothing.
func checkTree(proof []tlog.Hash, size int64, root tlog.Hash, oldSize int64, oldRoot tlog.Hash) error {
	if oldSize == 0 {
		if oldRoot != emptyRoot || size == 0 && root != emptyRoot || len(proof) > 0 {
			return badf("the old tree is empty: its root is SHA-256 of nothing, and no hashes are needed")
		}
		return nil
	}
	if err := tlog.CheckTree(proof, size, root, oldSize, oldRoot); err != nil {
		return badf("%v", err)
	}
	return nil
}
