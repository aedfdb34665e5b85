package main

import (
	"encoding/json"
	"regexp"
	"sort"
	"strconv"

	"golang.org/x/mod/sumdb/note"
)

var whole = regexp.MustCompile(`^[0-9]{1,16}$`)

// rotation is the record at index that hands the log over from one key to the next.
type rotation struct {
	index    int64
	old, new *key
}

// rules reads records in order, and remembers the first that breaks a rule.
type rules struct {
	fault     *bad
	concluded map[string]bool
	local     map[string]bool
	excused   int64
	rotations []rotation
	counts    map[string]int64
}

func newRules() *rules {
	counts := map[string]int64{"admitted": 0, "concluded": 0, "open": 0, "gaps": 0, "lost": 0}
	return &rules{concluded: map[string]bool{}, local: map[string]bool{}, counts: counts}
}

func (r *rules) pass(index int64, entry []byte) {
	if r.fault != nil {
		return
	}
	record, err := parseObject(entry)
	if err == nil {
		err = r.check(index, record)
	}
	if err != nil {
		r.fault = badAt(index, "%v", err)
	}
}

func (r *rules) check(index int64, record map[string]any) error {
	kind, ok := record["kind"].(string)
	if !ok {
		return badf("the record has no kind")
	}
	switch kind {
	case "admitted":
		return r.admit(record)
	case "concluded":
		return r.conclude(record)
	case "gap":
		return r.gap(record)
	case "key_rotated":
		handed, err := parseRotation(index, record)
		if err == nil {
			r.rotations = append(r.rotations, handed)
		}
		return err
	}
	return nil
}

func (r *rules) admit(record map[string]any) error {
	invocation, _ := record["invocation"].(string)
	if invocation == "" {
		return badf("the record names no invocation")
	}
	if _, ok := r.concluded[invocation]; ok {
		return badf("`%s` was admitted before", invocation)
	}
	rule, _ := record["rule"].(string)
	if _, ok := record["epoch"].(json.Number); rule == "" || !ok {
		return badf("the admission of `%s` does not say by which rule and epoch it was decided", invocation)
	}
	local, err := truth(record, "local")
	if err != nil {
		return err
	}
	if expires, ok := record["expires_ms"]; ok != local || ok && !isWhole(expires) {
		return badf("the admission of `%s` does not say until when its caller may run it", invocation)
	}
	if local {
		r.local[invocation] = true
	}
	r.concluded[invocation] = false
	r.counts["admitted"]++
	return nil
}

func (r *rules) conclude(record map[string]any) error {
	invocation, _ := record["invocation"].(string)
	if invocation == "" {
		return badf("the record names no invocation")
	}
	done, ok := r.concluded[invocation]
	if done {
		return badf("`%s` was concluded before", invocation)
	}
	if !ok {
		// Excused where the log itself has said that so many records were lost.
		r.excused++
		if r.excused > r.counts["lost"] {
			return badf("concluded, and not admitted before")
		}
	} else if err := fits(r.local[invocation], record); err != nil {
		return err
	}
	delete(r.local, invocation)
	r.concluded[invocation] = true
	r.counts["concluded"]++
	return nil
}

// fits: a run at its caller ends as the caller claims, or without a word of it; one at a runtime does neither.
func fits(local bool, record map[string]any) error {
	claimed, err := truth(record, "claimed")
	if err != nil {
		return err
	}
	outcome, _ := record["outcome"].(string)
	silent := outcome == "unreported" || outcome == "revoked"
	known := outcome == "success" || outcome == "tool_error"
	if !local && (claimed || silent) {
		return badf("a call of a runtime ends as only a local run can end")
	}
	if local && known && !claimed {
		return badf("the outcome of a local run is told as if the host had seen it")
	}
	return nil
}

// truth is written as true or left out.
func truth(record map[string]any, member string) (bool, error) {
	value, ok := record[member]
	if ok && value != true {
		return false, badf("`%s` is there and not true", member)
	}
	return ok, nil
}

func isWhole(value any) bool {
	number, ok := value.(json.Number)
	return ok && whole.MatchString(number.String())
}

func (r *rules) gap(record map[string]any) error {
	text, _ := record["lost"].(json.Number)
	lost, err := strconv.ParseInt(text.String(), 10, 64)
	if !whole.MatchString(text.String()) || err != nil || lost == 0 {
		return badf("the gap does not say how many records were lost")
	}
	r.counts["gaps"]++
	r.counts["lost"] += lost
	return nil
}

// finish gives the first fault, once every record has passed.
func (r *rules) finish() *bad {
	r.counts["open"] = 0
	for _, done := range r.concluded {
		if !done {
			r.counts["open"]++
		}
	}
	return r.fault
}

// first of the faults by index.
func first(faults []*bad) *bad {
	if len(faults) == 0 {
		return nil
	}
	sort.SliceStable(faults, func(i, j int) bool { return faults[i].index < faults[j].index })
	return faults[0]
}

// parseRotation: a hand-over is proved by the new key here, and by the old one through the tree that it is in.
func parseRotation(index int64, record map[string]any) (rotation, error) {
	oldKey, isOld := record["old_key"].(string)
	newKey, isNew := record["new_key"].(string)
	proof, isProof := record["proof"].(string)
	if !isOld || !isNew || !isProof {
		return rotation{}, badf("the change of keys names no keys or has no proof")
	}
	before, err := parseVkey(oldKey)
	if err != nil {
		return rotation{}, badf("the change of keys is malformed: %v", err)
	}
	after, err := parseVkey(newKey)
	if err != nil {
		return rotation{}, badf("the change of keys is malformed: %v", err)
	}
	signature, err := unbase64(proof)
	if err != nil || len(signature) != 64 {
		return rotation{}, badf("the change of keys has no signature")
	}
	var by note.Verifier = after
	if !by.Verify([]byte("grid/key-rotation/v1\n"+oldKey+"\n"+newKey+"\n"), signature) {
		return rotation{}, badf("the change of keys is not signed by the new key")
	}
	if before.Name() != after.Name() {
		return rotation{}, badf("the change of keys changes the name of the log")
	}
	return rotation{index, before, after}, nil
}
