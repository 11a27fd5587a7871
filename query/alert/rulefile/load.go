package rulefile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Find gives the rule files that the patterns name: files, directories (their *.yml and *.yaml, not deeper) and globs. A file that several patterns name is
// given once. A pattern that names nothing is a problem, but an empty directory is not: rules may come later.
func Find(patterns []string) ([]string, Problems) {
	var files []string
	var problems Problems
	for _, pattern := range patterns {
		found, err := findOne(pattern)
		if err != nil {
			problems = append(problems, &Problem{File: pattern, What: err.Error()})
		}
		for _, file := range found {
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	return files, problems
}

func findOne(pattern string) ([]string, error) {
	info, err := os.Stat(pattern)
	switch {
	case err == nil && info.IsDir():
		entries, err := os.ReadDir(pattern)
		if err != nil {
			return nil, err
		}
		var files []string
		for _, e := range entries {
			if name := e.Name(); !e.IsDir() && !strings.HasPrefix(name, ".") && isYAML(name) && !IsTest(name) {
				files = append(files, filepath.Join(pattern, name))
			}
		}
		return files, nil
	case err == nil:
		return []string{pattern}, nil
	case !strings.ContainsAny(pattern, "*?["):
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("not a glob: %w", err)
	}
	found = slices.DeleteFunc(found, IsTest)
	if len(found) == 0 {
		return nil, fmt.Errorf("no file matches")
	}
	return found, nil
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")
}

// IsTest says whether a file is of tests of rules by its name, such as hosts_test.yml: directories hold both.
func IsTest(name string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".yml"), ".yaml")
	return strings.HasSuffix(base, "_test") || strings.HasSuffix(base, ".test")
}

// Load reads the files. It gives all of them, or everything that is wrong with any.
func Load(files []string) ([]*File, Problems) {
	var out []*File
	var problems Problems
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			problems = append(problems, &Problem{File: name, What: err.Error()})
			continue
		}
		f, wrong := Parse(name, data)
		problems = append(problems, wrong...)
		if f != nil {
			out = append(out, f)
		}
	}
	return out, problems
}
