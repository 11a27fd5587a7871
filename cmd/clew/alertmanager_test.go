package main

import (
	"strings"
	"testing"
)

// A password in an Alertmanager's URL is in nothing that is printed or said.
func TestAlertmanagerPassword(t *testing.T) {
	c := DefaultConfig()
	c.Alertmanager.URLs = []string{"https://me:hunter2@am.example.com", "ftp://me:hunter2@am.example.com"}
	c.Alertmanager.Access.User = "me"
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	wrong := c.Validate()
	if wrong == nil || !strings.Contains(wrong.Error(), "alertmanager.urls[1]") || !strings.Contains(wrong.Error(), "alertmanager.access.password_file") {
		t.Errorf("error %v", wrong)
	}
	if strings.Contains(string(text), "hunter2") || strings.Contains(wrong.Error(), "hunter2") {
		t.Errorf("the password is said:\n%s\n%v", text, wrong)
	}
	if !strings.Contains(string(text), "https://me:xxxxx@am.example.com") {
		t.Errorf("printed:\n%s", text)
	}
}
