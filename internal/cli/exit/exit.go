// SPDX-License-Identifier: Apache-2.0

// Package exit says with which code a command ends.
package exit

import "errors"

// Error ends the plugin with a code. Without a cause, nothing more is printed: the output has said it.
type Error struct {
	Code  int
	Cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause == nil {
		return ""
	}
	return e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// With ends the plugin with a code, without a message.
func With(code int) error { return &Error{Code: code} }

// As ends the plugin with a code where there is an error with a message. One without has its code already.
func As(code int, err error) error {
	if err == nil || err.Error() == "" {
		return err
	}
	return &Error{Code: code, Cause: err}
}

// Code that an error ends the plugin with.
func Code(err error) int {
	var e *Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code
	}
	return 1
}
