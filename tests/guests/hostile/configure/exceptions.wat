    (tag $oops)
    (func (export "configure") (param i32 i32) (result i32) (throw $oops))
