"""OpenSubsonic: the interface that music players know."""

from fastapi import APIRouter

router = APIRouter(prefix="/rest", include_in_schema=False)
