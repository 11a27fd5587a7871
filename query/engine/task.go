package engine

// task is a row group to look at.
type task struct {
	b  *bound
	rg int
}

// tasksOf are all row groups of the parts, or the pages of them that are left.
func tasksOf(bounds []*bound) []task {
	var tasks []task
	for _, b := range bounds {
		if b.narrowed != nil {
			for _, page := range b.narrowed {
				tasks = append(tasks, task{page, 0})
			}
			continue
		}
		for rg := range b.groups {
			tasks = append(tasks, task{b, rg})
		}
	}
	return tasks
}
