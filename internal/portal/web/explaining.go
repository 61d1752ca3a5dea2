// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"errors"
	"net"
)

// Explaining is a listener whose connections tell people what to do when their browser sends more than maxHeader: package http answers that
// itself, with the bare status.
type Explaining struct {
	net.Listener
	// answer instead of that.
	Answer []byte
}

// Accept implements net.Listener.
func (l Explaining) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &explainingConn{c, l.Answer}, nil
}

type explainingConn struct {
	net.Conn
	answer []byte
}

// Write implements net.Conn. Package http writes that answer in one piece; the portal's own pages never have the status.
func (c *explainingConn) Write(b []byte) (int, error) {
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 431 ")) {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(c.answer); err != nil {
		return 0, err
	}
	return len(b), nil
}

// CloseWrite lets package http end the answer before it stops reading.
func (c *explainingConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
