#!/usr/bin/env python3
"""Compares what a caller has to know of each function in two of abidw's records: how many arguments there are, how large
each is, and how large the result. One is of the header, in C's types, the other of the object, in Rust's.

abi-agree.py HEADER OBJECT"""
import sys
import xml.etree.ElementTree as tree

VARIADIC = "..."


def functions(path):
    root = tree.parse(path).getroot()
    types = {element.get("id"): element for element in root.iter() if element.get("id")}

    def size(name):
        element = types[name]
        if element.tag in ("typedef-decl", "qualified-type-def"):
            return size(element.get("type-id"))
        # Only `void`, and Rust's unit, have none.
        return int(element.get("size-in-bits") or 0)

    # Functions of the same code have one description, under the name of one of them.
    aliases = {
        symbol.get("name"): symbol.get("alias").split(",")
        for symbol in root.iter("elf-symbol")
        if symbol.get("alias")
    }
    found = {}
    for function in root.iter("function-decl"):
        symbol = function.get("elf-symbol-id")
        names = [symbol, *aliases.get(symbol, [])]
        names = [name for name in names if name and name.startswith("partage_")]
        arguments = [
            VARIADIC if argument.get("is-variadic") else size(argument.get("type-id"))
            for argument in function.findall("parameter")
        ]
        result = size(function.find("return").get("type-id"))
        found |= {name: (arguments, result) for name in names}
    return found


def agree(promised, made):
    (arguments, result), (own_arguments, own_result) = promised, made
    if VARIADIC in arguments:
        fixed = arguments.index(VARIADIC)
        arguments, own_arguments = arguments[:fixed], own_arguments[:fixed]
    return arguments == own_arguments and result == own_result


header, object_ = map(functions, sys.argv[1:3])
bad = [
    f"{name}: the header has {promised}, the object {object_.get(name)}"
    for name, promised in sorted(header.items())
    if name not in object_ or not agree(promised, object_[name])
]
bad += [f"{name}: not in the header" for name in sorted(set(object_) - set(header))]
print("\n".join(bad) or f"{len(header)} functions agree")
sys.exit(bool(bad) or not header)
