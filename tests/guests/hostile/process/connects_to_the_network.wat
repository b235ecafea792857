;; Tells which error code a connection gives, 1 being "access denied", or 99 if there is one.
    (func $attack (result i32)
      (call $socket (i32.const 0) (i32.const 32))
      (if (i32.load8_u (i32.const 32)) (then (return (call $tell (i32.load8_u (i32.const 36))))))
      ;; 127.0.0.1:80
      (call $connect
        (i32.load (i32.const 36)) (call $network)
        (i32.const 0) (i32.const 80) (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 40))
      (if (i32.eqz (i32.load8_u (i32.const 40))) (then (return (call $tell (i32.const 99)))))
      (call $tell (i32.load8_u (i32.const 41))))
