package match

// Task is a row group to look at.
type Task struct {
	Bound *Bound
	Group int // its place in Bound.Groups
}

// TasksOf are all row groups of the parts, or the pages of them that are left.
func TasksOf(bounds []*Bound) []Task {
	var tasks []Task
	for _, b := range bounds {
		if b.narrowed != nil {
			for _, page := range b.narrowed {
				tasks = append(tasks, Task{page, 0})
			}
			continue
		}
		for rg := range b.Groups {
			tasks = append(tasks, Task{b, rg})
		}
	}
	return tasks
}
